import { clusterRoom } from './cluster-at-price.ts'
import type { ClusterRoom } from './cluster-at-price.ts'
import { fillPrefixes, gain, type Prefixes } from './cluster-prefixes.ts'
import { bestWithin, type Boundaries } from './cluster-windows.ts'
import { requireFit } from './fit.ts'

/** The fewest and the most clusters that are known to be best for some price, and where they end. */
type Bracket = { fewer: Boundaries; more: Boundaries }

/** Prices that are guessed until they are bracketed; most searches need 1 to 4 in all. */
const GUESSES = 12

/** A bracket that is still open after so many passes is left to the dynamic program. */
const MAX_PASSES = 64

/**
 * Splits points on a line into the `ends.length` clusters of least squared error: exact one-
 * dimensional k-means.
 *
 * A cluster of weight W and sum S has the error (sum of w x^2) - S^2 / W, so the sum of S^2 / W is
 * to be largest. When each cluster has a price, the best clusters of any number are found in one
 * pass; the best error is convex in the number of clusters, so there is a price that gives the
 * number wanted (or two numbers around it, which say where every boundary lies). This takes a few
 * passes for any number of clusters, where dynamic programming takes one for each cluster.
 *
 * Grønlund et al., "Fast Exact k-Means, k-Medians and Bregman Divergence Clustering in 1D", 2017,
 * section 3. https://arxiv.org/abs/1701.07204
 *
 * @param ends - out: cluster c holds the points from ends[c - 1] (0 for the first) to ends[c] - 1;
 *   with fewer points than clusters the last ones are empty
 * @param weight - float64, one a point, > 0
 * @param sum - float64, one a point: its weight times its value, values strictly ascending
 */
export function clusterSorted(ends: Uint32Array, weight: Float64Array, sum: Float64Array): void {
  splitSorted(ends, weight, sum, clusterRoom)
}

/** The same, with the arrays of a room that `roomFor` makes for so many points. */
export function splitSorted(
  ends: Uint32Array,
  weight: Float64Array,
  sum: Float64Array,
  roomFor: (points: number) => ClusterRoom,
): void {
  requireFit(weight.length === sum.length, `${weight.length} weights, ${sum.length} sums`)
  const points = weight.length
  if (points <= ends.length) {
    for (let c = 0; c < ends.length; c++) ends[c] = Math.min(c + 1, points)
    return
  }
  const room = roomFor(points)
  fillPrefixes(room.prefixes, weight, sum)
  const first = firstPrice(weight, sum, ends.length)
  ends.set(searchPrice(room, points, ends.length, first).subarray(1))
}

/** Boundaries of the best `clusters` clusters. */
function searchPrice(
  room: ClusterRoom,
  points: number,
  clusters: number,
  first: number,
): Boundaries {
  const bracket: Bracket = { fewer: Uint32Array.of(0, points), more: each(points) }
  let hasFewer = false
  let hasMore = false
  let isTie = false
  let price = first
  for (let pass = 1; pass <= MAX_PASSES; pass++) {
    const count = room.clusterAt(price)
    if (count === clusters) return room.boundaries(count)
    const isInside = count >= bracket.fewer.length && count <= bracket.more.length - 2
    // As good as both ends of the bracket: no number between them is best for any price.
    if (isTie && !isInside) break
    if (isInside && count < clusters) bracket.fewer = room.boundaries(count)
    if (isInside && count > clusters) bracket.more = room.boundaries(count)
    hasFewer ||= count < clusters
    hasMore ||= count > clusters
    isTie = (hasFewer && hasMore) || pass >= GUESSES
    // The error falls about as 1 / clusters^2, so its slope, the price, as 1 / clusters^3.
    price = isTie ? tiePrice(bracket, room.prefixes) : price * (count / clusters) ** 3
  }
  return bestWithin(room.prefixes, clusters, bracket.fewer, bracket.more)
}

/** The boundaries of as many clusters as points. */
function each(points: number): Boundaries {
  const boundaries = new Uint32Array(points + 1)
  for (let i = 0; i <= points; i++) boundaries[i] = i
  return boundaries
}

/** The price for which both ends of the bracket are equally good. */
function tiePrice({ fewer, more }: Bracket, prefixes: Prefixes): number {
  return (scoreOf(more, prefixes) - scoreOf(fewer, prefixes)) / (more.length - fewer.length)
}

function scoreOf(boundaries: Boundaries, prefixes: Prefixes): number {
  let score = 0
  for (let i = 1; i < boundaries.length; i++) {
    score += gain(prefixes, boundaries[i - 1]!, boundaries[i]!)
  }
  return score
}

/** Points whose density is looked at together for a first guess. */
const GUESS_RUNS = 512

/**
 * About the price of `clusters` clusters: the error of many is near I^3 / (12 clusters^2), I the
 * integral of the cube root of the density (Panter and Dite, 1951), and the price its slope.
 */
function firstPrice(weight: Float64Array, sum: Float64Array, clusters: number): number {
  const run = Math.max(1, Math.floor(weight.length / GUESS_RUNS))
  let integral = 0
  let from = sum[0]! / weight[0]!
  for (let start = 0; start < weight.length; start += run) {
    const last = Math.min(start + run, weight.length) - 1
    let inRun = 0
    for (let i = start; i <= last; i++) inRun += weight[i]!
    const to = sum[last]! / weight[last]!
    integral += Math.cbrt(inRun * (to - from) ** 2)
    from = to
  }
  return integral ** 3 / (6 * clusters ** 3)
}
