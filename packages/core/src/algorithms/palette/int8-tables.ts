import type { Kernels } from '../../kernels/kernels.ts'
import { storedScale } from '../../kernels/scales.ts'
import { gridCodes, MAX_CODE } from './grid-codes.ts'
import { type ChannelGroup, distinctOf } from './group-tables.ts'
import type { PaletteSpec } from './palette-spec.ts'
import { LARGEST_STORED } from './stored-float.ts'

/** The codes of all tables, and the scale that they share. */
export type Int8Tables = { readonly codes: Int8Array; readonly scale: number }

/**
 * Tables of int8: the scale covers the largest entry of the float tables and is rounded to its
 * stored dtype first. Tables of single values that k-means chose are then chosen again among the
 * codes; others are rounded.
 *
 * @param tables - float32, the tables of all groups one after another
 */
export function int8Tables(
  kernels: Kernels,
  groups: readonly ChannelGroup[],
  tables: Float32Array,
  spec: PaletteSpec,
): Int8Tables {
  // Half a step less than the largest number, so that no code decodes to infinity.
  const limit = LARGEST_STORED[spec.dtype] / (1 + 0.5 / MAX_CODE)
  const largest = tables.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0)
  const scale = storedScale(Math.min(largest, limit) / MAX_CODE, spec.dtype)
  const codes = new Int8Array(tables.length)
  const range = { qmin: -MAX_CODE, qmax: MAX_CODE, blockLength: tables.length }
  kernels.encodeBlocks(codes, tables, Float32Array.of(scale), undefined, range)
  if (spec.rule !== 'kmeans' || spec.vectorSize > 1 || spec.channelScale) return { codes, scale }
  const entries = 2 ** spec.bits
  for (const [i, group] of groups.entries()) {
    const chosen = gridCodes(distinctOf(kernels, group), scale, entries)
    const table = codes.subarray(i * entries, (i + 1) * entries)
    table.fill(chosen.at(-1) ?? 0)
    table.set(chosen)
  }
  return { codes, scale }
}
