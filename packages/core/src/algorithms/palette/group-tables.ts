import { MixbitError } from '../../base/error.ts'
import type { Vectors } from '../../kernels/first-entries.ts'
import { keyExponent } from '../../kernels/half-keys.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { DistinctValues } from '../../kernels/palette-kernels.ts'
import type { PaletteSpec } from './palette-spec.ts'
import { paletteTable } from './palette-table.ts'
import { toStored } from './stored-float.ts'
import { uniqueEntries } from './unique-entries.ts'
import { vectorTable } from './vector-table.ts'

/** The output channels that share a table, one a row: float32, shape (channels / size, size, inner). */
export type ChannelGroup = Vectors

/**
 * The table of a group; with a scale for each channel those of its vectors of channels, one after
 * another.
 *
 * @returns float32, shape (tables, 2^bits, vectorSize), as it is stored
 */
export function groupTables(
  kernels: Kernels,
  group: ChannelGroup,
  spec: PaletteSpec,
): Float32Array {
  if (spec.table !== undefined) return spec.table
  if (spec.channelScale) return scaledTables(kernels, group, spec)
  return ownTable(kernels, group, spec)
}

/** The distinct values of a group; without weights when those are all 0. */
export function distinctOf(kernels: Kernels, { x, weights }: ChannelGroup): DistinctValues {
  const exponent = keyExponent(largestOf(kernels, x))
  const weighted = kernels.distinctValues(x, exponent, weights)
  if (weights === undefined || weighted.keys.length > 0) return weighted
  return kernels.distinctValues(x, exponent, undefined)
}

function ownTable(kernels: Kernels, group: ChannelGroup, spec: PaletteSpec): Float32Array {
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

function tooManyValues({ bits, vectorSize }: PaletteSpec): MixbitError {
  return new MixbitError(
    'unsupported-scheme',
    `A table of ${bits} bits holds ${2 ** bits} ${vectorSize === 1 ? 'values' : 'vectors'} exactly, ` +
      'and there are more. Use more bits, or the palette rule kmeans.',
    { bits },
  )
}

/**
 * Each channel is divided by its largest magnitude; they share a table, in which an error counts as
 * much as it will once multiplied back; and each has that table times its magnitude.
 */
function scaledTables(kernels: Kernels, group: ChannelGroup, spec: PaletteSpec): Float32Array {
  const { x, size, inner } = group
  const channels = x.length / inner
  const scales = Array.from({ length: channels }, (_, channel) =>
    largestOf(kernels, x.subarray(channel * inner, (channel + 1) * inner)),
  )
  const shared = ownTable(kernels, normalised(group, scales), { ...spec, dtype: 'float32' })
  const tables = new Float32Array((channels / size) * shared.length)
  for (let i = 0; i < tables.length; i++) {
    const channel = Math.floor(i / shared.length) * size + (i % size)
    // Adding 0 makes the entries of an all-zero channel 0, never -0.
    tables[i] = toStored((shared[i % shared.length] ?? 0) * (scales[channel] ?? 0), spec.dtype) + 0
  }
  return tables
}

function normalised(group: ChannelGroup, scales: readonly number[]): ChannelGroup {
  const { size, inner } = group
  const x = Float32Array.from(group.x)
  const weights = new Float32Array(x.length / size)
  const largest = Math.max(...scales)
  for (const [channel, scale] of scales.entries()) {
    const start = channel * inner
    // An all-zero channel is NaN here, and counts for nothing.
    for (let i = start; i < start + inner; i++) x[i] = (x[i] ?? 0) / scale
    if (channel % size > 0) continue
    const vector = channel / size
    const own = Math.max(...scales.slice(channel, channel + size)) / largest
    for (let i = vector * inner; i < (vector + 1) * inner; i++) {
      weights[i] = own * own * (group.weights?.[i] ?? 1)
    }
  }
  return { x, weights, size, inner }
}

/** The largest magnitude of the finite values; 0 when there is none. */
function largestOf(kernels: Kernels, x: Float32Array): number {
  const { finite, min, max } = kernels.valueEnds(x)
  return finite === 0 ? 0 : Math.max(-min, max)
}
