import { gain, type Prefixes } from './cluster-prefixes.ts'
import type { Boundaries } from './cluster-windows.ts'

/** Finds the best clusters of some points, any number of them, when each cluster has a price. */
export type ClusterRoom = {
  /** To be filled in first: a place for every position, 0 to the number of points. */
  readonly prefixes: Prefixes
  /** How many clusters are best. */
  readonly clusterAt: (price: number) => number
  /** Where the clusters of the last price end. */
  readonly boundaries: (count: number) => Boundaries
}

/** What a pass writes; each array has a place for every position. */
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

/** The reference. */
export function clusterRoom(points: number): ClusterRoom {
  const length = points + 1
  const prefixes = { weights: new Float64Array(length), sums: new Float64Array(length) }
  const scratch: Scratch = {
    score: new Float64Array(length),
    previous: new Uint32Array(length),
    clusters: new Uint32Array(length),
    begins: new Uint32Array(length),
    from: new Uint32Array(length),
  }
  return {
    prefixes,
    clusterAt: (price) => clusterAtPrice(scratch, prefixes, price),
    boundaries: (count) => boundariesOf(scratch.previous, count),
  }
}

/**
 * The clusters, any number of them, for which the sum of gains less `price` for each is largest;
 * returns their number.
 *
 * score[j] is the best score[i] + gain(i, j) - price over i < j. Of two beginnings i, the later
 * one, once it is better, stays better for all later j. So those that may still be best form a
 * queue: the first is best now, and each is best from a position on.
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

/** Where the clusters of the last pass end, followed back from the last. */
export function boundariesOf(previous: Uint32Array, count: number): Boundaries {
  const boundaries = new Uint32Array(count + 1)
  let at = previous.length - 1
  for (let c = count; c > 0; c--) {
    boundaries[c] = at
    at = previous[at]!
  }
  return boundaries
}
