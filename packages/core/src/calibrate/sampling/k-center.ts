import { spreadSamples } from '../../tasks/samples.ts'

/**
 * Chooses `count` of the points so that every other point is near one of them: greedy k-center.
 *
 * The first is the point nearest the mean; each next one is the farthest from all that are chosen, of
 * equal ones the first in order. Where only copies of chosen points are left, the remaining places are
 * spread evenly over these. No choice of `count` points has a covering radius below half of this one's.
 *
 * @param points - features of one length, finite
 * @returns places of the chosen points, in ascending order
 * @see Gonzalez, Clustering to minimize the maximum intercluster distance (1985),
 *   https://doi.org/10.1016/0304-3975(85)90224-5
 */
export function kCenter(points: readonly Float32Array[], count: number): readonly number[] {
  if (count >= points.length) return points.map((_, index) => index)
  const chosen = new Set<number>()
  const distances = new Float64Array(points.length).fill(Number.POSITIVE_INFINITY)
  let next = nearest(points, meanOf(points))
  while (chosen.size < count) {
    chosen.add(next)
    distances[next] = 0
    next = shorten(distances, points, points[next]!)
    if (distances[next] === 0) break
  }
  const copies = points.map((_, index) => index).filter((index) => !chosen.has(index))
  const rest = spreadSamples(copies, count - chosen.size)
  return [...chosen, ...rest].toSorted((a, b) => a - b)
}

/**
 * Notes which points are nearer to the new center than to all before.
 *
 * @param distances - out, squared distance of each point to its center
 * @returns the point that is now the farthest
 */
function shorten(
  distances: Float64Array,
  points: readonly Float32Array[],
  center: Float32Array,
): number {
  let farthest = 0
  for (let index = 0; index < points.length; index++) {
    const distance = squaredDistance(points[index]!, center)
    if (distance < distances[index]!) distances[index] = distance
    if (distances[index]! > distances[farthest]!) farthest = index
  }
  return farthest
}

function nearest(points: readonly Float32Array[], center: Float64Array): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (let index = 0; index < points.length; index++) {
    const distance = squaredDistance(points[index]!, center)
    if (distance >= least) continue
    least = distance
    best = index
  }
  return best
}

function meanOf(points: readonly Float32Array[]): Float64Array {
  const mean = new Float64Array(points[0]?.length ?? 0)
  for (const point of points) {
    for (let at = 0; at < mean.length; at++) mean[at] = mean[at]! + point[at]! / points.length
  }
  return mean
}

function squaredDistance(point: Float32Array, center: Float32Array | Float64Array): number {
  let sum = 0
  for (let at = 0; at < center.length; at++) sum += (point[at]! - center[at]!) ** 2
  return sum
}
