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
  const { x, size, inner } = sample
  const table = new Float32Array(entries * size)
  // Before the first entry all vectors are equally far, so that it is drawn by weight alone.
  let distances = startDistances(sample)
  let tried = new Float64Array(inner)
  let best = new Float64Array(inner)
  let total = sumOf(distances)
  for (let entry = 0; entry < entries; entry++) {
    if (!(total > 0)) return table.subarray(0, entry * size)
    let least = Infinity
    let chosen = 0
    for (let trial = 0; trial < TRIALS; trial++) {
      const at = draw(distances, random() * total)
      const error = distancesWith(tried, sample, at, entry === 0 ? undefined : distances)
      if (!(error < least)) continue
      least = error
      chosen = at
      ;[tried, best] = [best, tried]
    }
    for (let c = 0; c < size; c++) table[entry * size + c] = x[c * inner + chosen]!
    ;[distances, best] = [best, distances]
    total = least
  }
  return table
}

/** The weight of each vector; 0 for one that is not finite. */
function startDistances({ x, weights, size, inner }: Vectors): Float64Array<ArrayBuffer> {
  const out = new Float64Array(inner)
  for (let i = 0; i < inner; i++) {
    let sum = 0
    for (let c = 0; c < size; c++) sum += x[c * inner + i]! ** 2
    out[i] = sum < Infinity ? (weights === undefined ? 1 : weights[i]!) : 0
  }
  return out
}

/**
 * A vector, drawn with a chance in proportion to its distance.
 *
 * @param random - from 0 to below 1
 */
export function drawVector(distances: Float64Array, random: number): number {
  return draw(distances, random * sumOf(distances))
}

/** The first index at which the sum of all values up to it exceeds `share`. */
function draw(values: Float64Array, share: number): number {
  let sum = 0
  let last = 0
  for (let i = 0; i < values.length && !(sum > share); i++) {
    if (values[i] === 0) continue
    sum += values[i]!
    last = i
  }
  return last
}

/**
 * Writes the weighted squared distance of each vector to the nearest of the entries and vector
 * `at`, 0 for one that is not finite; returns their sum.
 */
function distancesWith(
  out: Float64Array,
  { x, weights, size, inner }: Vectors,
  at: number,
  distances: Float64Array | undefined,
): number {
  out.fill(0)
  for (let c = 0; c < size; c++) {
    const own = x[c * inner + at]!
    for (let i = 0; i < inner; i++) {
      const difference = x[c * inner + i]! - own
      out[i] = out[i]! + difference * difference
    }
  }
  let sum = 0
  for (let i = 0; i < inner; i++) {
    const distance = weights === undefined ? out[i]! : out[i]! * weights[i]!
    const limit = distances === undefined ? Infinity : distances[i]!
    const nearest = distance < limit ? distance : limit
    // Only a vector that is not finite is infinitely far.
    out[i] = nearest < Infinity ? nearest : 0
    sum += out[i]!
  }
  return sum
}

function sumOf(values: Float64Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum
}
