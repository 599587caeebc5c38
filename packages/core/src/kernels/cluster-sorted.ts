import { gain, type Prefixes, prefixesOf } from './cluster-prefixes.ts'
import { bestWithin, type Boundaries } from './cluster-windows.ts'
import { requireFit } from './fit.ts'

/** Room for one pass; each array has a place for every position, 0 to the number of points. */
type Scratch = {
  /** The best score of the points before a position. */
  readonly score: Float64Array
  /** Where the last cluster of that score begins, and how many clusters it has. */
  readonly previous: Uint32Array
  readonly clusters: Uint32Array
  /** Beginnings of a last cluster that may still be best, and from which position on each is. */
  readonly begins: Uint32Array
  readonly from: Uint32Array
}

/** The fewest and the most clusters that are known to be best for some price, and where they end. */
type Bracket = { fewer: Boundaries; more: Boundaries }

/** Prices that are guessed before they are bracketed; most searches need 1 to 6. */
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
  requireFit(weight.length === sum.length, `${weight.length} weights, ${sum.length} sums`)
  const points = weight.length
  if (points <= ends.length) {
    for (let c = 0; c < ends.length; c++) ends[c] = Math.min(c + 1, points)
    return
  }
  const prefixes = prefixesOf(weight, sum)
  const each = new Uint32Array(points + 1)
  for (let i = 0; i <= points; i++) each[i] = i
  const bracket: Bracket = { fewer: Uint32Array.of(0, points), more: each }
  const found = searchPrice(bracket, prefixes, ends.length, firstPrice(weight, sum, ends.length))
  const boundaries = found ?? bestWithin(prefixes, ends.length, bracket.fewer, bracket.more)
  ends.set(boundaries.subarray(1))
}

/** Boundaries of exactly `clusters` clusters, or null when no price gives so many. */
function searchPrice(
  bracket: Bracket,
  prefixes: Prefixes,
  clusters: number,
  first: number,
): Boundaries | null {
  const scratch = scratchFor(prefixes.weights.length)
  let price = first
  for (let pass = 1; pass <= MAX_PASSES; pass++) {
    const count = clusterAtPrice(scratch, prefixes, price)
    if (count < bracket.fewer.length || count > bracket.more.length - 2) {
      // As good as an end of the bracket: no number between its ends is best for any price.
      if (pass > GUESSES) return null
    } else {
      const boundaries = boundariesOf(scratch, count)
      if (count === clusters) return boundaries
      if (count < clusters) bracket.fewer = boundaries
      else bracket.more = boundaries
    }
    // The error falls about as 1 / clusters^2, so its slope, the price, as 1 / clusters^3.
    price = pass < GUESSES ? price * (count / clusters) ** 3 : tiePrice(bracket, prefixes)
  }
  return null
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

/**
 * The clusters, any number of them, for which the sum of gains less `price` for each is largest;
 * returns their number.
 *
 * score[j] is the best score[i] + gain(i, j) - price over i < j. Of two beginnings i, the later
 * one, once it is better, stays better for all later j. So those that may still be best form a queue: the
 * first is best now, and each is best from a position on.
 */
function clusterAtPrice(scratch: Scratch, prefixes: Prefixes, price: number): number {
  const { score, previous, clusters, begins, from } = scratch
  const last = score.length - 1
  let head = 0
  let tail = 1
  begins[0] = 0
  from[0] = 1
  for (let j = 1; j <= last; j++) {
    while (head + 1 < tail && from[head + 1]! <= j) head++
    const i = begins[head]!
    score[j] = score[i]! + gain(prefixes, i, j) - price
    previous[j] = i
    clusters[j] = clusters[i]! + 1
    let start = j + 1
    while (tail > head) {
      const other = Math.max(from[tail - 1]!, j + 1)
      if (other > last) break
      start = overtakesAt(score, prefixes, begins[tail - 1]!, j, other)
      if (start > other) break
      tail--
    }
    if (start > last || j === last) continue
    begins[tail] = j
    from[tail] = start
    tail++
  }
  return clusters[last]!
}

/**
 * The first position from `first` on for which a last cluster that begins at `later` is better
 * than one that begins at `earlier`; past the end when there is none.
 */
function overtakesAt(
  score: Float64Array,
  { weights, sums }: Prefixes,
  earlier: number,
  later: number,
  first: number,
): number {
  const lead = score[later]! - score[earlier]!
  const earlierWeight = weights[earlier]!
  const earlierSum = sums[earlier]!
  const laterWeight = weights[later]!
  const laterSum = sums[later]!
  const isBetter = (j: number): boolean => {
    const a = sums[j]! - laterSum
    const b = sums[j]! - earlierSum
    const weight = weights[j]!
    return lead + (a * a) / (weight - laterWeight) > (b * b) / (weight - earlierWeight)
  }
  if (isBetter(first)) return first
  const last = score.length - 1
  if (!isBetter(last)) return last + 1
  let low = first
  let high = Math.min(first + 1, last)
  // It is near as a rule: look further and further ahead.
  for (let step = 2; !isBetter(high); step *= 2) {
    low = high
    high = Math.min(high + step, last)
  }
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (isBetter(middle)) high = middle
    else low = middle
  }
  return high
}

/** 0, where each cluster ends, and the number of points. */
function boundariesOf({ previous }: Scratch, count: number): Boundaries {
  const boundaries = new Uint32Array(count + 1)
  let at = previous.length - 1
  for (let c = count; c > 0; c--) {
    boundaries[c] = at
    at = previous[at]!
  }
  return boundaries
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

function scratchFor(length: number): Scratch {
  return {
    score: new Float64Array(length),
    previous: new Uint32Array(length),
    clusters: new Uint32Array(length),
    begins: new Uint32Array(length),
    from: new Uint32Array(length),
  }
}
