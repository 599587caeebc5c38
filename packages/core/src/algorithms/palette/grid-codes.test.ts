import fc from 'fast-check'
import { expect, test } from 'vitest'
import { distinctValues } from '../../kernels/distinct-values.ts'
import { gridCodes } from './grid-codes.ts'

// By hand, with a scale of 1.
test.for([
  { name: 'one code is the rounded mean', x: [1, 2, 6.2], most: 1, codes: [3] },
  { name: 'two heaps', x: [-3, -2.8, 5.1, 4.9], most: 2, codes: [-3, 5] },
  { name: 'no more codes than lie between the values', x: [1.2, 2.1], most: 8, codes: [1, 2, 3] },
  { name: 'codes end at 127', x: [-300, 300], most: 2, codes: [-127, 127] },
  { name: 'no values', x: [], most: 4, codes: [0] },
  { name: 'a value between two codes', x: [0.4], most: 1, codes: [0] },
])('$name', ({ x, most, codes }) => {
  const distinct = distinctValues(Float32Array.from(x), 0, undefined)
  expect([...gridCodes(distinct, 1, most)]).toEqual(codes)
})

test('no other codes have less error', () => {
  const value = fc.double({ min: -3.4, max: 3.4, noNaN: true }).map((x) => Math.round(x * 16) / 16)
  const values = fc.array(value, { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(
      values,
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0.25, 1),
      (list, most, unit) => {
        const x = list.map((value) => value * unit)
        const codes = gridCodes(distinctValues(Float32Array.from(x), 0, undefined), unit, most)
        const error = errorOf(
          x,
          [...codes].map((code) => code * unit),
        )
        const levels = Array.from({ length: 9 }, (_, i) => (i - 4) * unit)
        for (const others of choices(levels, Math.min(most, codes.length))) {
          expect(error).toBeLessThanOrEqual(errorOf(x, others) + 1e-12)
        }
      },
    ),
    { numRuns: 300 },
  )
})

function errorOf(x: readonly number[], levels: readonly number[]): number {
  return x.reduce((sum, value) => sum + Math.min(...levels.map((level) => (value - level) ** 2)), 0)
}

function* choices(levels: readonly number[], count: number): Generator<readonly number[]> {
  if (count === 0) {
    yield []
    return
  }
  for (const [i, level] of levels.entries()) {
    for (const rest of choices(levels.slice(i + 1), count - 1)) yield [level, ...rest]
  }
}
