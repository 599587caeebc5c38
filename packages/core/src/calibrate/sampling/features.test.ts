import { expect, test } from 'vitest'
import { MOST_FEATURES, poolOpenAxes, sketch } from './features.ts'

const tensor = (shape: readonly number[], values: readonly number[]) =>
  ({ dtype: 'float32', shape, data: Float32Array.from(values) }) as const

test.for([
  { name: 'scores of a batch of one stay', shape: [1, 3], sizes: [1, 3], pooled: [1, 2, 3] },
  { name: 'the first axis is averaged', shape: [3, 1], sizes: [3, 1], pooled: [2] },
  {
    name: 'without a declared shape the last axis is kept',
    shape: [3, 1],
    sizes: null,
    pooled: [2],
  },
  { name: 'an axis with a name is averaged', shape: [1, 3, 1], sizes: [1, 'n', 1], pooled: [2] },
  { name: 'an axis of unknown size is averaged', shape: [1, 3], sizes: [1, -1], pooled: [2] },
  { name: 'a scalar stays', shape: [], sizes: [], pooled: [6] },
])('$name', ({ shape, sizes, pooled }) => {
  const values = shape.length === 0 ? [6] : [1, 2, 3]
  expect([...poolOpenAxes(tensor(shape, values), sizes)]).toEqual(pooled)
})

test('open axes between fixed ones are averaged place by place', () => {
  // Shape (1, 2, 2, 2), the third axis open: (1 + 3) / 2, (2 + 4) / 2, (5 + 7) / 2, (6 + 8) / 2.
  const values = tensor([1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
  expect([...poolOpenAxes(values, [1, 2, 'tokens', 2])]).toEqual([2, 3, 6, 7])
})

test('values that are not finite count as 0', () => {
  const values = tensor([2, 2], [Number.NaN, 4, 2, Number.POSITIVE_INFINITY])
  expect([...poolOpenAxes(values, [2, 2])]).toEqual([1, 2])
})

test('a short vector stays as it is', () => {
  const values = Float32Array.of(1, 2, 3)
  expect(sketch(values, 7)).toEqual(values)
})

const long = (fill: (index: number) => number): Float32Array =>
  Float32Array.from({ length: 5000 }, (_, index) => fill(index))

const length = (values: Float32Array): number => Math.hypot(...values)

test('a long vector keeps its length to a quarter, for any seed', () => {
  const values = long((index) => Math.sin(index * index))
  for (let seed = 0; seed < 50; seed++) {
    const short = sketch(values, seed)
    expect(short).toHaveLength(MOST_FEATURES)
    // Six standard deviations of the length: 6 * sqrt(2 / 256) / 2 = 0.27.
    expect(Math.abs(length(short) / length(values) - 1)).toBeLessThan(0.27)
  }
})

test('shortening is linear, repeats, and depends on the seed', () => {
  const a = long((index) => index % 7)
  const b = long((index) => index % 5)
  const sum = sketch(
    long((index) => (index % 7) + (index % 5)),
    3,
  )
  const [shortA, shortB] = [sketch(a, 3), sketch(b, 3)]
  expect([...sum]).toEqual([...shortA].map((value, at) => value + (shortB[at] ?? 0)))
  expect(sketch(a, 3)).toEqual(shortA)
  expect(sketch(a, 4)).not.toEqual(shortA)
})
