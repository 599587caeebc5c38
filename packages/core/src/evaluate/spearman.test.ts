import fc from 'fast-check'
import { expect, test } from 'vitest'
import { averageRanks } from './ranks.ts'
import { pearson, spearman, spearmanWithInterval } from './spearman.ts'

test('equal values share the mean of their ranks', () => {
  expect([...averageRanks([30, 10, 20, 10])]).toEqual([4, 1.5, 3, 1.5])
  expect([...averageRanks([7, 7, 7])]).toEqual([2, 2, 2])
  expect([...averageRanks([])]).toEqual([])
})

// Expected values: scipy 1.17.1, scipy.stats.spearmanr.
test.for([
  { name: 'rising together', x: [1, 2, 3], y: [10, 20, 25], value: 1 },
  { name: 'falling', x: [1, 2, 3], y: [3, 2, 1], value: -1 },
  { name: 'with ties', x: [1, 2, 2, 4, 5], y: [2, 1, 3, 3, 5], value: 0.7631578947368421 },
])('spearman: $name', ({ x, y, value }) => {
  expect(spearman(x, y)).toBeCloseTo(value, 12)
})

test.for([
  { name: 'a constant side', x: [1, 1, 1], y: [1, 2, 3] },
  { name: 'one pair', x: [1], y: [2] },
  { name: 'a value that is not finite', x: [1, Number.NaN, 3], y: [1, 2, 3] },
])('there is no correlation of $name', ({ x, y }) => {
  expect(spearmanWithInterval(x, y)).toEqual({ value: null, low: null, high: null })
})

test('the interval is Fisher z with the error of Bonett and Wright', () => {
  const x = [1, 2, 3, 4, 5, 6, 7]
  const y = [2, 1, 4, 3, 7, 5, 6]
  // r = 1 - 6 * 10 / (7 * 48); half = 1.959963984540054 * sqrt((1 + r^2 / 2) / 4)
  const r = 1 - 60 / 336
  const half = 1.959963984540054 * Math.sqrt((1 + (r * r) / 2) / 4)
  const { value, low, high } = spearmanWithInterval(x, y)
  expect(value).toBeCloseTo(r, 12)
  expect(low).toBeCloseTo(Math.tanh(Math.atanh(r) - half), 12)
  expect(high).toBeCloseTo(Math.tanh(Math.atanh(r) + half), 12)
})

test('only order counts: any rising function of a side leaves it as it is', () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer()), {
    minLength: 2,
    maxLength: 20,
  })
  fc.assert(
    fc.property(pairs, (list) => {
      const x = list.map(([a]) => a)
      const y = list.map(([, b]) => b)
      expect(
        spearman(
          x.map((a) => a ** 3),
          y,
        ),
      ).toEqual(spearman(x, y))
    }),
  )
})

test('values that have no partner are a mistake of the program', () => {
  expect(() => pearson([1, 2], [1])).toThrow(TypeError)
})
