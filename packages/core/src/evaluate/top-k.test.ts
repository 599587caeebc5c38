import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rankOf, topClasses } from './top-k.ts'

const scores = (...values: readonly number[]): Float32Array => Float32Array.from(values)

test.for([
  { name: 'the highest is 0', values: [1, 9, 3], label: 1, rank: 0 },
  { name: 'one above', values: [1, 9, 3], label: 2, rank: 1 },
  { name: 'an equal one before it counts', values: [5, 5, 5], label: 2, rank: 2 },
  { name: 'an equal one after it does not', values: [5, 5, 5], label: 0, rank: 0 },
  { name: 'NaN of others does not count', values: [Number.NaN, 1], label: 1, rank: 0 },
  { name: 'its own NaN has no place', values: [1, Number.NaN], label: 1, rank: -1 },
  { name: 'infinity is above all', values: [Infinity, 1], label: 1, rank: 1 },
])('rankOf: $name', ({ values, label, rank }) => {
  expect(rankOf(scores(...values), label)).toBe(rank)
})

test('a class that is not there is a mistake of the program', () => {
  expect(() => rankOf(scores(1), 1)).toThrow(TypeError)
})

test('topClasses takes the best first, the lower of equal ones, and never NaN', () => {
  expect(topClasses(scores(2, 7, 7, Number.NaN, 1, 3), 3)).toEqual([1, 2, 5])
  expect(topClasses(scores(2, Number.NaN), 5)).toEqual([0])
  expect(topClasses(scores(-Infinity, -3), 2)).toEqual([1, 0])
})

test('the rank of a class is its place among the top classes', () => {
  const values = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(values, fc.nat(11), (list, pick) => {
      const row = Float32Array.from(list)
      const label = pick % row.length
      expect(topClasses(row, row.length).indexOf(label)).toBe(rankOf(row, label))
    }),
  )
})
