import type { Vectors } from './first-entries.ts'

/** The mean of weighted vectors, and how far from it they are. */
type Spread = {
  readonly mean: Float64Array
  readonly weight: number
  /** Sum of weight times squared distance to the mean. */
  readonly squares: number
}

/**
 * About `most` of many vectors, in one row, with weights that make up for how they were drawn: each
 * with a chance half in proportion to its weight, half to its weighted squared distance to the mean,
 * so that the few far ones are there. Drawn evenly in the order of the array, without chance. All
 * vectors when there are no more than `most`. Those that are not finite are never drawn.
 *
 * Bachem, Lucic and Krause, "Scalable k-Means Clustering via Lightweight Coresets", 2018.
 * https://arxiv.org/abs/1702.08248
 */
export function sampleVectors(vectors: Vectors, most: number): Vectors {
  const { x, weights, size, inner } = vectors
  const count = x.length / size
  if (count <= most && inner === count) return vectors
  const spread = spreadOf(vectors)
  const taken: number[] = []
  const drawnWeights: number[] = []
  let reached = 0
  let drawn = 0
  for (let i = 0; i < count; i++) {
    const first = i + Math.floor(i / inner) * inner * (size - 1)
    const distance = squaredDistance(x, first, inner, spread.mean)
    const weight = weights === undefined ? 1 : weights[i]!
    if (!(distance < Infinity) || weight === 0) continue
    const byDistance = spread.squares > 0 ? (weight * distance) / spread.squares : 0
    const share = count <= most ? 1 : (most / 2) * (weight / spread.weight + byDistance)
    reached += share
    // Drawn as often as the sum of shares has passed a whole number.
    const times = Math.floor(reached) - drawn
    if (times === 0) continue
    drawn += times
    taken.push(first)
    drawnWeights.push((weight * times) / share)
  }
  const values = new Float32Array(taken.length * size)
  for (let c = 0; c < size; c++) {
    for (let k = 0; k < taken.length; k++) values[c * taken.length + k] = x[taken[k]! + c * inner]!
  }
  return { x: values, weights: Float32Array.from(drawnWeights), size, inner: taken.length }
}

function spreadOf({ x, weights, size, inner }: Vectors): Spread {
  const sums = new Float64Array(size)
  const origin = new Float64Array(size)
  let weight = 0
  let squares = 0
  for (let i = 0; i < x.length / size; i++) {
    const first = i + Math.floor(i / inner) * inner * (size - 1)
    const distance = squaredDistance(x, first, inner, origin)
    if (!(distance < Infinity)) continue
    const own = weights === undefined ? 1 : weights[i]!
    weight += own
    squares += own * distance
    for (let c = 0; c < size; c++) sums[c] = sums[c]! + own * x[first + c * inner]!
  }
  const mean = sums.map((sum) => (weight > 0 ? sum / weight : 0))
  for (let c = 0; c < size; c++) squares -= weight * mean[c]! ** 2
  return { mean, weight, squares }
}

/** To a point, of the vector whose first component is at `first`. */
function squaredDistance(
  x: Float32Array,
  first: number,
  inner: number,
  point: Float64Array,
): number {
  let sum = 0
  for (let c = 0; c < point.length; c++) sum += (x[first + c * inner]! - point[c]!) ** 2
  return sum
}
