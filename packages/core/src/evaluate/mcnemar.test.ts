import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mcNemarPValue } from './mcnemar.ts'

// By hand: 2 (C(n, 0) + ... + C(n, fewer)) / 2^n; the large ones in exact fractions.
test.for([
  { worse: 0, better: 0, p: 1 },
  { worse: 1, better: 0, p: 1 },
  { worse: 3, better: 0, p: 0.25 },
  { worse: 1, better: 4, p: 0.375 },
  { worse: 5, better: 5, p: 1 },
  { worse: 10, better: 2, p: 158 / 4096 },
  { worse: 60, better: 40, p: 0.05688793364098079 },
  { worse: 600, better: 500, p: 0.0028195449914364275 },
  { worse: 2000, better: 1500, p: 2.942363832253335e-17 },
  { worse: 0, better: 1000, p: 1.8665272370064378e-301 },
])('mcNemarPValue($worse, $better)', ({ worse, better, p }) => {
  expect(mcNemarPValue(worse, better) / p).toBeCloseTo(1, 9)
})

test('the p-value is symmetric and lies within 0 and 1', () => {
  const count = fc.integer({ min: 0, max: 5000 })
  fc.assert(
    fc.property(count, count, (worse, better) => {
      const p = mcNemarPValue(worse, better)
      expect(p).toBe(mcNemarPValue(better, worse))
      expect(p).toBeGreaterThanOrEqual(0)
      expect(p).toBeLessThanOrEqual(1)
    }),
  )
})
