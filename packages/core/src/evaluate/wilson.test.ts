import fc from 'fast-check'
import { expect, test } from 'vitest'
import { meanWithInterval } from './wilson.ts'

const scores = (right: number, wrong: number): number[] => [
  ...Array.from({ length: right }, () => 1),
  ...Array.from({ length: wrong }, () => 0),
]

// Expected values: Wilson's formula in decimal arithmetic with 50 digits.
test.for([
  { right: 1, total: 1, low: 0.20654931437723742, high: 1 },
  { right: 0, total: 1, low: 0, high: 0.7934506856227626 },
  { right: 5, total: 10, low: 0.236593090512564, high: 0.763406909487436 },
  { right: 9, total: 10, low: 0.5958499732047615, high: 0.9821237869049271 },
  { right: 1989, total: 2000, low: 0.9901779372483847, high: 0.9969261029904561 },
  { right: 500, total: 500, low: 0.9923756595384478, high: 1 },
])('meanWithInterval: $right of $total are right', ({ right, total, low, high }) => {
  const accuracy = meanWithInterval(scores(right, total - right))
  expect(accuracy.value).toBe(right / total)
  expect(accuracy.low).toBeCloseTo(low, 12)
  expect(accuracy.high).toBeCloseTo(high, 12)
})

test('all right and all wrong reach the end exactly', () => {
  expect(meanWithInterval(scores(7, 0))).toMatchObject({ value: 1, high: 1 })
  expect(meanWithInterval(scores(0, 7))).toMatchObject({ value: 0, low: 0 })
})

test('ten times 0.3 is 0.3', () => {
  expect(meanWithInterval(Array.from({ length: 10 }, () => 0.3)).value).toBe(0.3)
})

test('the interval holds the mean, lies within 0 and 1 and is never NaN', () => {
  const score = fc.constantFrom(0, 0.3, 0.6, 0.9, 1)
  fc.assert(
    fc.property(fc.array(score, { minLength: 1, maxLength: 50 }), (list) => {
      const { value, low, high, samples } = meanWithInterval(list)
      expect(samples).toBe(list.length)
      expect(low).toBeGreaterThanOrEqual(0)
      expect(low).toBeLessThanOrEqual(value)
      expect(value).toBeLessThanOrEqual(high)
      expect(high).toBeLessThanOrEqual(1)
    }),
  )
})
