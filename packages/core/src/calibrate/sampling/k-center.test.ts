import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kCenter } from './k-center.ts'

const points = (...values: readonly (readonly number[])[]): readonly Float32Array[] =>
  values.map((each) => Float32Array.from(each))

test.for([
  // The mean of 0 1 2 3 10 is 3.2: first 3, then 10 (7 away), then 0 (3 away), then 1 before 2.
  { name: 'one is the nearest to the mean', count: 1, chosen: [3] },
  { name: 'the second is the farthest', count: 2, chosen: [3, 4] },
  { name: 'the third is the farthest from both', count: 3, chosen: [0, 3, 4] },
  { name: 'of equally far ones the first is taken', count: 4, chosen: [0, 1, 3, 4] },
  { name: 'all, when as many are asked for', count: 5, chosen: [0, 1, 2, 3, 4] },
  { name: 'all, when more are asked for', count: 9, chosen: [0, 1, 2, 3, 4] },
])('of 0 1 2 3 10: $name', ({ count, chosen }) => {
  expect(kCenter(points([0], [1], [2], [3], [10]), count)).toEqual(chosen)
})

test('in the plane the corners are taken before what lies between', () => {
  const square = points([1, 1], [0, 0], [2, 0], [1, 0], [0, 2], [2, 2])
  expect(kCenter(square, 5)).toEqual([0, 1, 2, 4, 5])
})

test('among copies of chosen points the rest is spread evenly', () => {
  const copies = points([0], [0], [0], [0], [5], [5], [5], [5])
  // Nearest to the mean 2.5 is point 0, then 4; of 1 2 3 5 6 7 every other one: 2, 5 and 7.
  expect(kCenter(copies, 5)).toEqual([0, 2, 4, 5, 7])
})

test('no points give no points', () => {
  expect(kCenter([], 3)).toEqual([])
})

const clouds = fc.integer({ min: 1, max: 3 }).chain((dims) =>
  fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: dims, maxLength: dims }), {
    minLength: 2,
    maxLength: 9,
  }),
)

const distance = (a: Float32Array | undefined, b: Float32Array | undefined): number =>
  Math.hypot(...[...(a ?? [])].map((value, at) => value - (b?.[at] ?? 0)))

/** The largest distance of a point to its nearest center. */
function radius(cloud: readonly Float32Array[], centers: readonly number[]): number {
  const nearest = cloud.map((point) =>
    Math.min(...centers.map((center) => distance(point, cloud[center]))),
  )
  return Math.max(...nearest)
}

/** Every choice of `count` of the numbers below `end`. */
function choices(end: number, count: number, from = 0): readonly (readonly number[])[] {
  if (count === 0) return [[]]
  return Array.from({ length: end - from }, (_, at) => from + at).flatMap((first) =>
    choices(end, count - 1, first + 1).map((rest) => [first, ...rest]),
  )
}

test('as many as asked for are chosen, each once and in order', () => {
  fc.assert(
    fc.property(clouds, fc.integer({ min: 1, max: 10 }), (cloud, count) => {
      const chosen = kCenter(points(...cloud), count)
      expect(chosen).toHaveLength(Math.min(count, cloud.length))
      expect(chosen).toEqual([...new Set(chosen)].toSorted((a, b) => a - b))
    }),
  )
})

test('the covering radius is at most twice that of the best choice', () => {
  fc.assert(
    fc.property(clouds, fc.integer({ min: 1, max: 4 }), (cloud, count) => {
      const all = points(...cloud)
      const wanted = Math.min(count, all.length)
      const best = Math.min(...choices(all.length, wanted).map((each) => radius(all, each)))
      expect(radius(all, kCenter(all, count))).toBeLessThanOrEqual(2 * best + 1e-9)
    }),
  )
})
