import type { PaletteRule } from '../../config/settings.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { DistinctValues } from '../../kernels/palette-kernels.ts'
import type { PaletteBits } from '../../scheme/scheme.ts'
import { type StoredFloat, toStored } from './stored-float.ts'

/** How a table is made. */
export type TableSpec = {
  readonly bits: PaletteBits
  readonly rule: PaletteRule
  /** What its entries are stored as. */
  readonly dtype: StoredFloat
}

/**
 * The 2^bits entries for some values, ascending, as they are stored; null when `unique` has more
 * values than entries. Entries that are not needed repeat the last one.
 *
 * - `kmeans`: the means of the clusters of least squared error, exact over the distinct values.
 * - `uniform`: equal steps from the smallest value to the largest.
 * - `unique`: the values themselves.
 */
export function paletteTable(
  kernels: Kernels,
  values: DistinctValues,
  spec: TableSpec,
): Float32Array | null {
  const table = new Float32Array(2 ** spec.bits)
  const entries = entriesOf(kernels, values, table.length, spec.rule)
  if (entries.length > table.length) return null
  const last = toStored(entries.at(-1) ?? 0, spec.dtype)
  for (let i = 0; i < table.length; i++) {
    const entry = entries[i]
    table[i] = entry === undefined ? last : toStored(entry, spec.dtype)
  }
  return table
}

function entriesOf(
  kernels: Kernels,
  values: DistinctValues,
  most: number,
  rule: PaletteRule,
): Float64Array {
  switch (rule) {
    case 'kmeans':
      return means(kernels, values, most)
    case 'uniform':
      return steps(values, most)
    case 'unique':
      return values.sum.map((sum, i) => sum / (values.weight[i] ?? 1))
  }
}

function means(kernels: Kernels, { weight, sum }: DistinctValues, most: number): Float64Array {
  const ends = new Uint32Array(Math.min(most, weight.length))
  kernels.clusterSorted(ends, weight, sum)
  const entries = new Float64Array(ends.length)
  let start = 0
  for (const [cluster, end] of ends.entries()) {
    entries[cluster] = total(sum, start, end) / total(weight, start, end)
    start = end
  }
  return entries
}

function steps({ low, high }: DistinctValues, count: number): Float64Array {
  if (low > high) return new Float64Array(0)
  return Float64Array.from({ length: count }, (_, i) => {
    return i === count - 1 ? high : low + ((high - low) * i) / (count - 1)
  })
}

function total(values: Float64Array, start: number, end: number): number {
  let sum = 0
  for (let i = start; i < end; i++) sum += values[i] ?? 0
  return sum
}
