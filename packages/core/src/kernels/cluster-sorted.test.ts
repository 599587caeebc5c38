import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededWeights } from '../../test/kernel-values.ts'
import { fillPrefixes, gain, type Prefixes } from './cluster-prefixes.ts'
import { clusterSorted } from './cluster-sorted.ts'
import { bestWithin } from './cluster-windows.ts'
import { distinctValues } from './distinct-values.ts'
import { loadSimdKernels } from './simd.ts'

type Points = { readonly values: readonly number[]; readonly weights: readonly number[] }

// By hand.
test.for<readonly [string, Points, number, readonly number[]]>([
  ['two heaps', { values: [1, 2, 10, 11], weights: [1, 1, 1, 1] }, 2, [2, 4]],
  ['a heavy point has its own', { values: [0, 1, 2], weights: [1, 1, 100] }, 2, [2, 3]],
  ['one cluster holds all', { values: [1, 5, 6], weights: [1, 2, 3] }, 1, [3]],
  ['as many clusters as points', { values: [1, 5, 6], weights: [1, 2, 3] }, 3, [1, 2, 3]],
  ['more clusters than points', { values: [1, 5], weights: [1, 2] }, 4, [1, 2, 2, 2]],
  ['no points', { values: [], weights: [] }, 2, [0, 0]],
])('%s', ([, points, clusters, ends]) => {
  expect(endsOf(points, clusters)).toEqual(ends)
})

describe('the error is the least of all ways to split', () => {
  const weight = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 60 }), fc.constant(1e6))
  const step = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 30 }), fc.constant(1000))
  const list = fc.array(fc.record({ step, weight }), { minLength: 1, maxLength: 11 })

  test('for points of any distance and weight', () => {
    fc.assert(
      fc.property(list, fc.integer({ min: 1, max: 11 }), (steps, count) => {
        const points = pointsOf(steps)
        const clusters = Math.min(count, steps.length)
        const least = bestError(points, clusters)
        expect(errorOf(points, endsOf(points, clusters))).toBeLessThanOrEqual(
          slightlyAbove(least, points),
        )
      }),
      { numRuns: 1000 },
    )
  })

  test('also when no price gives the number of clusters: two copies, and even steps', () => {
    fc.assert(
      fc.property(list, fc.boolean(), fc.integer({ min: 1, max: 11 }), (steps, isEven, count) => {
        const half = isEven ? steps.map(() => ({ step: 1, weight: 1 })) : steps.slice(0, 5)
        const points = pointsOf(
          [...half, ...half.map((each, i) => (i === 0 ? { ...each, step: 1e5 } : each))].slice(
            0,
            12,
          ),
        )
        const clusters = Math.min(count, points.values.length)
        const least = bestError(points, clusters)
        expect(errorOf(points, endsOf(points, clusters))).toBeLessThanOrEqual(
          slightlyAbove(least, points),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('the windows between fewer and more clusters hold the best ones', () => {
    fc.assert(
      fc.property(list, fc.nat(9), fc.nat(9), fc.nat(9), (steps, a, b, c) => {
        const points = pointsOf(steps)
        const most = steps.length
        const [fewer = 1, clusters = 1, more = 1] = [a, b, c]
          .map((n) => 1 + (n % most))
          .toSorted((x, y) => x - y)
        const prefixes = prefixesOf(...arraysOf(points))
        const given = [fewer, more].map((n) => Uint32Array.of(0, ...bestEnds(points, n)))
        const [low = new Uint32Array(0), high = new Uint32Array(0)] = given
        const ends = [...bestWithin(prefixes, clusters, low, high)].slice(1)
        expect(errorOf(points, ends)).toBeLessThanOrEqual(
          slightlyAbove(bestError(points, clusters), points),
        )
      }),
      { numRuns: 500 },
    )
  })
})

test('no start of Lloyd’s algorithm does better on weights', () => {
  const { weight, sum } = distinctValues(seededWeights(20000, 3), 14, undefined)
  for (const clusters of [2, 4, 16, 64]) {
    const ends = new Uint32Array(clusters)
    clusterSorted(ends, weight, sum)
    const prefixes = prefixesOf(weight, sum)
    const best = gainOf(prefixes, ends)
    for (let seed = 1; seed <= 10; seed++) {
      const other = lloyd(weight, sum, clusters, seed)
      expect(gainOf(prefixes, other)).toBeLessThanOrEqual(best * (1 + 1e-12))
    }
  }
})

test('values far from zero are told apart', () => {
  const points = { values: [1e6, 1e6 + 1, 1e6 + 1.5, 1e6 + 3], weights: [1, 1, 1, 1] }
  expect(endsOf(points, 3)).toEqual([1, 3, 4])
})

test('WebAssembly finds the same clusters as the reference', () => {
  const simd = loadSimdKernels()
  for (const length of [1, 2, 3, 40, 3000, 60000]) {
    for (const clusters of [1, 2, 5, 16, 255, 256]) {
      const { weight, sum } = distinctValues(seededWeights(length, clusters), 14, undefined)
      const ends = new Uint32Array(clusters)
      const expected = new Uint32Array(clusters)
      simd.clusterSorted(ends, weight, sum)
      clusterSorted(expected, weight, sum)
      expect(ends).toEqual(expected)
    }
  }
})

function pointsOf(steps: readonly { readonly step: number; readonly weight: number }[]): Points {
  let value = -20
  return {
    values: steps.map(({ step }) => (value += step)),
    weights: steps.map(({ weight }) => weight),
  }
}

function prefixesOf(weight: Float64Array, sum: Float64Array): Prefixes {
  const length = weight.length + 1
  const prefixes = { weights: new Float64Array(length), sums: new Float64Array(length) }
  fillPrefixes(prefixes, weight, sum)
  return prefixes
}

function arraysOf({ values, weights }: Points): [Float64Array, Float64Array] {
  return [Float64Array.from(weights), Float64Array.from(weights, (w, i) => w * (values[i] ?? 0))]
}

function endsOf(points: Points, clusters: number): readonly number[] {
  const ends = new Uint32Array(clusters)
  clusterSorted(ends, ...arraysOf(points))
  return [...ends]
}

/** Sum of w (x - mean)^2 over all clusters. */
function errorOf({ values, weights }: Points, ends: readonly number[]): number {
  let start = 0
  let error = 0
  for (const end of ends) {
    const own = weights.slice(start, end)
    const total = own.reduce((sum, w) => sum + w, 0)
    const from = start
    const mean = own.reduce((sum, w, i) => sum + (w * (values[from + i] ?? 0)) / total, 0)
    for (const [i, w] of own.entries()) error += w * ((values[from + i] ?? 0) - mean) ** 2
    start = end
  }
  return error
}

/** The best ends, found by trying every way to split. */
function bestEnds(points: Points, clusters: number): readonly number[] {
  let best: readonly number[] = []
  let least = Infinity
  for (const ends of splits(points.values.length, clusters)) {
    const error = errorOf(points, ends)
    if (error < least) {
      least = error
      best = ends
    }
  }
  return best
}

function bestError(points: Points, clusters: number): number {
  return errorOf(points, bestEnds(points, clusters))
}

function* splits(points: number, clusters: number, from = 0): Generator<readonly number[]> {
  if (clusters === 1) {
    yield [points]
    return
  }
  for (let end = from + 1; end <= points - clusters + 1; end++) {
    for (const rest of splits(points, clusters - 1, end)) yield [end, ...rest]
  }
}

/** Room for the rounding of sums, which are as large as the error of a single cluster. */
function slightlyAbove(error: number, points: Points): number {
  return error + 1e-14 * errorOf(points, [points.values.length])
}

function gainOf(prefixes: Prefixes, ends: Uint32Array): number {
  let sum = 0
  let start = 0
  for (const end of ends) {
    if (end > start) sum += gain(prefixes, start, end)
    start = end
  }
  return sum
}

/** Lloyd's algorithm from ends that a seed spreads, until nothing moves. */
function lloyd(
  weight: Float64Array,
  sum: Float64Array,
  clusters: number,
  seed: number,
): Uint32Array {
  const values = Array.from(weight, (w, i) => (sum[i] ?? 0) / w)
  let ends = Uint32Array.from({ length: clusters }, (_, c) =>
    Math.round(values.length * ((c + 1) / clusters) ** (0.6 + seed / 10)),
  )
  for (let step = 0; step < 100; step++) {
    let start = 0
    const means = Array.from(ends, (end) => {
      let w = 0
      let s = 0
      for (; start < end; start++) {
        w += weight[start] ?? 0
        s += sum[start] ?? 0
      }
      return s / w
    })
    const next = ends.map((end, c) => {
      const limit = ((means[c] ?? 0) + (means[c + 1] ?? Infinity)) / 2
      const at = values.findIndex((value) => value > limit)
      return c === clusters - 1 || at === -1 ? values.length : at
    })
    if (next.every((end, c) => end === ends[c])) break
    ends = next
  }
  return ends
}
