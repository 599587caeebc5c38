import { expect, test } from 'vitest'
import { seededNormal, summaryOfBatches } from '../../../test/range-values.ts'
import { percentileRange } from './percentile.ts'

const hundred = Float32Array.from({ length: 101 }, (_, i) => i - 50)

test('the same part of the values stays outside on each side', () => {
  // Bins of 2^-6; by hand: 90 % of 101 values leaves 5.05 on each side: -50 to -46, and a part of -45.
  const { min, max } = percentileRange(summaryOfBatches(hundred), 90)
  expect(min).toBeGreaterThanOrEqual(-45 - 2 ** -6)
  expect(min).toBeLessThanOrEqual(-45)
  expect(max).toBe(-min)
})

test('within a bin values are spread evenly', () => {
  // Four values in the bin [1, 1 + 2^-11), limited to its only value, and one at 2 - 2^-11.
  const low = 1 + 2 ** -12
  const x = Float32Array.of(1, 1, low, low, 1.9995)
  // By hand: 60 % of 5 leaves 1 above; 40 % leaves 1.5, so half a value into the four from above.
  expect(percentileRange(summaryOfBatches(x), 60).max).toBe(Math.fround(1.9990234375))
  expect(percentileRange(summaryOfBatches(x), 40).max).toBe(1 + 2 ** -11 * (3.5 / 4))
})

test('an outlier on one side does not hold the other', () => {
  const x = seededNormal(100000, 5)
  x[7] = 400
  const { min, max } = percentileRange(summaryOfBatches(x))
  const sorted = x.toSorted()
  const width = 2 ** -3
  // Five values are outside on each side.
  expect(Math.abs(min - (sorted[5] ?? 0))).toBeLessThan(width)
  expect(Math.abs(max - (sorted[x.length - 6] ?? 0))).toBeLessThan(width)
})

test.for([
  { name: 'positive values keep 0', x: [5, 6, 7], range: { min: 0, max: 7 } },
  {
    name: 'exact zeros are values',
    x: [...Array.from({ length: 30000 }, () => 0), 1],
    range: { min: 0, max: 0 },
  },
  { name: 'without a value, nothing', x: [NaN], range: { min: 0, max: 0 } },
])('percentile: $name', ({ x, range }) => {
  const { min, max } = percentileRange(summaryOfBatches(x))
  expect(min).toBe(range.min)
  expect(max).toBeCloseTo(range.max, 2)
})
