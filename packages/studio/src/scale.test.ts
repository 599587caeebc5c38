import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fractionDomain, percentLength, position } from './scale.ts'

test.for([
  { values: [0.962, 0.991], ticks: [0.96, 0.97, 0.98, 0.99, 1] },
  { values: [0, 1], ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] },
  { values: [0.41, 0.77], ticks: [0.4, 0.5, 0.6, 0.7, 0.8] },
  { values: [1], ticks: [0.998, 1] },
  { values: [0.999999999998, 0.9999999999980002], ticks: [0.998, 1] },
  { values: [], ticks: [0.998, 1] },
])('the ticks for $values are $ticks', ({ values, ticks }) => {
  const domain = fractionDomain(values)
  expect(domain.ticks.map((tick) => Number(tick.toFixed(6)))).toEqual(ticks)
})

test('a domain holds its values, stays within 0 and 1, and has few ticks', () => {
  const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 })
  fc.assert(
    fc.property(fractions, (values) => {
      const { low, high, ticks } = fractionDomain(values)
      expect(low).toBeGreaterThanOrEqual(0)
      expect(high).toBeLessThanOrEqual(1)
      expect(low).toBeLessThan(high)
      expect(Math.min(...values)).toBeGreaterThanOrEqual(low - 1e-9)
      expect(Math.max(...values)).toBeLessThanOrEqual(high + 1e-9)
      expect(ticks.length).toBeGreaterThanOrEqual(2)
      expect(ticks.length).toBeLessThanOrEqual(8)
    }),
  )
})

test('positions are percentages of the domain, kept inside it', () => {
  const domain = { low: 0.9, high: 1, ticks: [] }
  expect(position(0.95, domain)).toBe('50%')
  expect(position(0.2, domain)).toBe('0%')
  expect(percentLength(Number.NaN)).toBe('0%')
  expect(percentLength(1 / 3)).toBe('33.333%')
})
