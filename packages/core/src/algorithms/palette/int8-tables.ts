import { largestOf } from '../../base/largest.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { DistinctValues } from '../../kernels/palette-kernels.ts'
import { storedScale } from '../../kernels/scales.ts'
import { gridCodes, MAX_CODE } from './grid-codes.ts'
import { distinctOf, groupTable } from './group-tables.ts'
import type { PaletteSpec } from './palette-spec.ts'
import type { ChannelGroup } from './scaled-channels.ts'
import { LARGEST_STORED, type StoredFloat } from './stored-float.ts'

/**
 * Tables of int8 with one scale for all. The scale covers the largest entry of the float tables and
 * is rounded to its stored dtype first.
 *
 * @returns codes of all tables one after another, and the scale
 */
export function int8Tables(
  kernels: Kernels,
  groups: readonly ChannelGroup[],
  spec: PaletteSpec,
): { readonly codes: Int8Array; readonly scale: Float32Array } {
  const { tableCodes, step } = spec
  if (tableCodes !== undefined && step !== undefined) {
    return { codes: tableCodes, scale: Float32Array.of(step) }
  }
  const tables = groups.map((group) => groupTable(kernels, group, spec))
  const scale = step ?? coveringStep(largestOf(0, tables.map(largestEntry)), spec.dtype)
  const codes = tables.map((table, i) => codesOf(kernels, groups[i], table, scale, spec))
  return { codes: Int8Array.from(codes.flatMap((own) => [...own])), scale: Float32Array.of(scale) }
}

/** The largest magnitude in the tables of some groups, before they become codes. */
export function largestTableEntry(
  kernels: Kernels,
  groups: readonly ChannelGroup[],
  spec: PaletteSpec,
): number {
  return largestOf(
    0,
    groups.map((group) => largestEntry(groupTable(kernels, group, spec))),
  )
}

/** The one table of a whole weight as codes, from its distinct values and its table of floats. */
export function sharedTableCodes(
  kernels: Kernels,
  values: DistinctValues,
  table: Float32Array,
  { dtype, rule }: Pick<PaletteSpec, 'dtype' | 'rule'>,
): { readonly codes: Int8Array; readonly step: number } {
  const step = coveringStep(largestEntry(table), dtype)
  const codes = new Int8Array(table.length)
  if (rule === 'kmeans') fillCodes(codes, gridCodes(values, step, table.length))
  else roundCodes(kernels, codes, table, step)
  return { codes, step }
}

/** The table of one group as codes, and the step between them, rounded to the dtype of `spec`. */
export function int8Table(
  kernels: Kernels,
  group: ChannelGroup,
  spec: PaletteSpec,
): { readonly codes: Int8Array; readonly step: number } {
  const table = groupTable(kernels, group, spec)
  const step = coveringStep(largestEntry(table), spec.dtype)
  return { codes: codesOf(kernels, group, table, step, spec), step }
}

/**
 * A table as codes: rounded, but a table of single values that k-means chose is chosen again among
 * the codes.
 */
function codesOf(
  kernels: Kernels,
  group: ChannelGroup | undefined,
  table: Float32Array,
  step: number,
  spec: PaletteSpec,
): Int8Array {
  const codes = new Int8Array(table.length)
  if (group === undefined || spec.rule !== 'kmeans' || spec.vectorSize > 1) {
    roundCodes(kernels, codes, table, step)
  } else fillCodes(codes, gridCodes(distinctOf(kernels, group), step, table.length))
  return codes
}

function roundCodes(kernels: Kernels, codes: Int8Array, table: Float32Array, step: number): void {
  const range = { qmin: -MAX_CODE, qmax: MAX_CODE, blockLength: table.length }
  kernels.encodeBlocks(codes, table, Float32Array.of(step), undefined, range)
}

/** Entries that are not needed repeat the last one. */
function fillCodes(codes: Int8Array, chosen: Int8Array): void {
  codes.fill(chosen.at(-1) ?? 0)
  codes.set(chosen)
}

/** The largest step between codes with which none decodes to infinity: half a step is left. */
export function largestStep(dtype: StoredFloat): number {
  return LARGEST_STORED[dtype] / (MAX_CODE + 0.5)
}

/** The step with which 127 codes cover the largest entry, rounded to its stored dtype. */
export function coveringStep(largest: number, dtype: StoredFloat): number {
  return storedScale(Math.min(largest / MAX_CODE, largestStep(dtype)), dtype)
}

function largestEntry(table: Float32Array): number {
  return table.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0)
}
