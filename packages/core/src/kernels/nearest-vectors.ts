import { requireFit } from './fit.ts'
import type { VectorSpec } from './palette-kernels.ts'

/**
 * The index of the nearest entry of a table of vectors, for each vector: of equals the first, and
 * 0 for a vector that is not finite. Distances are sums of squares, component by component, each
 * step rounded to float32.
 *
 * @param indices - out: one a vector, shape (rows, inner)
 * @param x - float32, shape (rows, size, inner): component c of vector (j, r) is at (j, c, r)
 * @param table - float32, shape (entries, size), at most 256 entries
 */
export function nearestVectors(
  indices: Uint8Array,
  x: Float32Array,
  table: Float32Array,
  { size, inner }: VectorSpec,
): void {
  requireVectors(x, { size, inner })
  requireFit(indices.length * size === x.length, `${x.length} values, ${indices.length} indices`)
  requireEntries(table, size)
  for (let i = 0; i < indices.length; i++) {
    // Vector i is value i - row * inner of its row, and each row has `size` times as many values.
    const first = i + Math.floor(i / inner) * inner * (size - 1)
    indices[i] = nearestVector(x, first, table, { size, inner })
  }
}

function nearestVector(
  x: Float32Array,
  first: number,
  table: Float32Array,
  { size, inner }: VectorSpec,
): number {
  let best = 0
  let smallest = Infinity
  for (let entry = 0; entry < table.length; entry += size) {
    let distance = 0
    for (let c = 0; c < size; c++) {
      const difference = Math.fround(x[first + c * inner]! - table[entry + c]!)
      distance = Math.fround(distance + Math.fround(difference * difference))
    }
    if (distance < smallest) {
      smallest = distance
      best = entry / size
    }
  }
  return best
}

/** Sums of the vectors that each entry of a table is nearest to. */
export type VectorSums = {
  /** One an entry, and the sum of weight * x for each component of it. */
  readonly weight: Float64Array
  readonly sum: Float64Array
  /** Sum of weight * x^2 over all of them. */
  squares: number
}

/**
 * Adds vectors to the sums of their entries, in the order of the array; those that are not finite
 * are left out.
 *
 * @param indices - as `nearestVectors` gives them
 * @param weights - float32, one a vector, >= 0; undefined counts
 */
export function addVectors(
  sums: VectorSums,
  x: Float32Array,
  indices: Uint8Array,
  weights: Float32Array | undefined,
  { size, inner }: VectorSpec,
): void {
  requireVectors(x, { size, inner })
  requireFit(indices.length * size === x.length, `${x.length} values, ${indices.length} indices`)
  for (let i = 0; i < indices.length; i++) {
    const first = i + Math.floor(i / inner) * inner * (size - 1)
    let squares = 0
    for (let c = 0; c < size; c++) squares += x[first + c * inner]! ** 2
    if (!(squares < Infinity)) continue
    const weight = weights === undefined ? 1 : weights[i]!
    const entry = indices[i]!
    sums.weight[entry] = sums.weight[entry]! + weight
    sums.squares += weight * squares
    for (let c = 0; c < size; c++) {
      const at = entry * size + c
      sums.sum[at] = sums.sum[at]! + weight * x[first + c * inner]!
    }
  }
}

/** Throws unless `x` is whole rows of vectors. */
export function requireVectors(x: Float32Array, { size, inner }: VectorSpec): void {
  requireFit(
    size >= 1 && inner >= 1 && x.length % (size * inner) === 0,
    `${x.length} values in rows of ${inner} vectors of ${size}`,
  )
}

/** Throws unless the table has 1 to 256 whole entries of up to 256 components. */
export function requireEntries(table: Float32Array, size: number): void {
  const entries = table.length / size
  requireFit(
    size <= 256 && Number.isInteger(entries) && entries >= 1 && entries <= 256,
    `${table.length} values in entries of ${size}`,
  )
}
