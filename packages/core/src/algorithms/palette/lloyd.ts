import type { Vectors } from '../../kernels/first-entries.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { addVectors, type VectorSums } from '../../kernels/nearest-vectors.ts'

/** The share of the error that a pass must take off, or it is the last. */
const SMALLEST_GAIN = 1e-4

/** A table, and its error before its entries were last moved. */
export type Refined = { readonly table: Float32Array; readonly error: number }

/**
 * Lloyd's algorithm: each entry becomes the mean of the vectors that it is nearest to, until a pass gains
 * next to nothing.
 *
 * @param passes - the most passes
 */
export function refine(
  kernels: Kernels,
  vectors: Vectors,
  first: Float32Array,
  passes: number,
): Refined {
  const { x, weights, size, inner } = vectors
  const table = Float32Array.from(first)
  const indices = new Uint8Array(x.length / size)
  let before = Infinity
  for (let pass = 0; pass < passes; pass++) {
    kernels.nearestVectors(indices, x, table, { size, inner })
    const sums: VectorSums = {
      weight: new Float64Array(table.length / size),
      sum: new Float64Array(table.length),
      squares: 0,
    }
    addVectors(sums, x, indices, weights, { size, inner })
    const error = moveEntries(table, sums, size)
    const isLast = !(before - error > SMALLEST_GAIN * error)
    before = error
    if (isLast) break
  }
  return { table, error: before }
}

/** Moves entries to their means, and one that nothing is near to nowhere; returns the error. */
function moveEntries(table: Float32Array, sums: VectorSums, size: number): number {
  let error = sums.squares
  for (const [entry, weight] of sums.weight.entries()) {
    if (weight === 0) continue
    for (let c = entry * size; c < (entry + 1) * size; c++) {
      const sum = sums.sum[c] ?? 0
      error -= (sum * sum) / weight
      table[c] = sum / weight
    }
  }
  return error
}
