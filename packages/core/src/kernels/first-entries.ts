import type { VectorSpec } from './palette-kernels.ts'

/** Vectors, and how much each counts. */
export type Vectors = VectorSpec & {
  /** Float32, shape (rows, size, inner). */
  readonly x: Float32Array
  /** Float32, one a vector, >= 0; undefined counts all alike. */
  readonly weights: Float32Array | undefined
}

/** Vectors that are drawn for each entry, of which the best stays. */
const TRIALS = 4

/**
 * Entries to begin with: vectors, each drawn with a chance in proportion to its weighted squared
 * distance to those before it; of several draws the one that leaves the least error. Fewer than
 * asked for when there are fewer distinct vectors.
 *
 * Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding", 2007.
 *
 * @param sample - vectors in one row: component c of vector i is x[c * inner + i]
 * @param random - uniform numbers from 0 to below 1
 * @returns float32, shape (entries, size)
 */
export function firstEntries(sample: Vectors, entries: number, random: () => number): Float32Array {
  const { size } = sample
  const table: number[] = []
  let distances = weightsOf(sample)
  for (let entry = 0; entry < entries; entry++) {
    const total = distances.reduce((sum, distance) => sum + distance, 0)
    if (!(total > 0)) break
    let best:
      | { readonly at: number; readonly left: Float64Array; readonly error: number }
      | undefined
    for (let trial = 0; trial < TRIALS; trial++) {
      const at = draw(distances, random() * total)
      const left = nearer(sample, at, entry === 0 ? undefined : distances)
      const error = left.reduce((sum, distance) => sum + distance, 0)
      if (best === undefined || error < best.error) best = { at, left, error }
    }
    if (best === undefined) break
    for (let c = 0; c < size; c++) table.push(component(sample, best.at, c))
    distances = best.left
  }
  return Float32Array.from(table)
}

/** The chance of each vector to be the first: its weight; 0 for one that is not finite. */
function weightsOf(sample: Vectors): Float64Array {
  return Float64Array.from({ length: sample.inner }, (_, i) =>
    isFiniteVector(sample, i) ? (sample.weights === undefined ? 1 : sample.weights[i]!) : 0,
  )
}

/** The index at which the sum of all values up to it first exceeds `share`. */
function draw(values: Float64Array, share: number): number {
  let sum = 0
  let last = 0
  for (const [i, value] of values.entries()) {
    if (value === 0) continue
    sum += value
    last = i
    if (sum > share) break
  }
  return last
}

/** The weighted squared distance of each vector to vector `at`, or to an earlier entry if nearer. */
function nearer(sample: Vectors, at: number, distances: Float64Array | undefined): Float64Array {
  const { x, weights, size, inner } = sample
  const out = new Float64Array(inner)
  for (let c = 0; c < size; c++) {
    const own = component(sample, at, c)
    for (let i = 0; i < inner; i++) {
      const difference = x[c * inner + i]! - own
      out[i] = out[i]! + difference * difference
    }
  }
  for (let i = 0; i < inner; i++) {
    const distance = out[i]! * (weights === undefined ? 1 : weights[i]!)
    const limit = distances === undefined ? Infinity : distances[i]!
    out[i] = distance < limit ? distance : limit
    // Only a vector that is not finite is infinitely far.
    if (!(out[i]! < Infinity)) out[i] = 0
  }
  return out
}

function isFiniteVector(sample: Vectors, i: number): boolean {
  for (let c = 0; c < sample.size; c++) {
    if (!Number.isFinite(component(sample, i, c))) return false
  }
  return true
}

function component({ x, inner }: Vectors, i: number, c: number): number {
  return x[c * inner + i]!
}
