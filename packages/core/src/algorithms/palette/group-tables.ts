import { MixbitError } from '../../base/error.ts'
import { keyExponent } from '../../kernels/half-keys.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { DistinctValues } from '../../kernels/palette-kernels.ts'
import type { PaletteSpec } from './palette-spec.ts'
import { paletteTable } from './palette-table.ts'
import { type ChannelGroup, largestMagnitude } from './scaled-channels.ts'
import { uniqueEntries } from './unique-entries.ts'
import { vectorTable } from './vector-table.ts'

/** The distinct values of a group; without weights when those are all 0. */
export function distinctOf(kernels: Kernels, { x, weights }: ChannelGroup): DistinctValues {
  const exponent = keyExponent(largestMagnitude(kernels, x))
  const weighted = kernels.distinctValues(x, exponent, weights)
  if (weights === undefined || weighted.keys.length > 0) return weighted
  return kernels.distinctValues(x, exponent, undefined)
}

/**
 * The one table of a group, as it is stored.
 *
 * @returns float32, shape (2^bits, vectorSize)
 * @throws MixbitError `unsupported-scheme` when the rule is `unique` and there are too many values
 */
export function groupTable(kernels: Kernels, group: ChannelGroup, spec: PaletteSpec): Float32Array {
  if (spec.table !== undefined) return spec.table
  if (spec.rule === 'unique') return uniqueTable(kernels, group, spec)
  if (spec.vectorSize > 1) return vectorTable(kernels, group, spec.bits, spec.dtype)
  const table = paletteTable(kernels, distinctOf(kernels, group), spec)
  if (table === null) throw tooManyValues(spec)
  return table
}

function uniqueTable(kernels: Kernels, group: ChannelGroup, spec: PaletteSpec): Float32Array {
  const most = 2 ** spec.bits
  // Halves are quick to tell apart; only few can be few float32 values.
  const isFew = spec.vectorSize > 1 || distinctOf(kernels, group).keys.length <= most
  const entries = isFew ? uniqueEntries(group, most, spec.dtype) : null
  if (entries === null) throw tooManyValues(spec)
  const table = new Float32Array(most * spec.vectorSize)
  table.set(entries)
  const last = entries.subarray(Math.max(0, entries.length - spec.vectorSize))
  for (let at = entries.length; at < table.length && last.length > 0; at += last.length) {
    table.set(last, at)
  }
  return table
}

/** The most bits of an index. */
const MOST_BITS = 8

function tooManyValues({ bits, vectorSize }: PaletteSpec): MixbitError {
  return new MixbitError(
    'unsupported-scheme',
    `A table of ${bits} bits holds ${2 ** bits} ${vectorSize === 1 ? 'values' : 'vectors'} exactly, ` +
      `and there are more. Use ${bits < MOST_BITS ? 'more bits, or ' : ''}the algorithm kmeans.`,
    { bits },
  )
}
