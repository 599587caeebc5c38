import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MovingRange } from './moving-range.ts'
import { addBatch, joinBatches } from './moving-range.ts'
import type { ValueRange } from './value-range.ts'

const averaged = (batches: readonly ValueRange[]): MovingRange | null =>
  batches.reduce<MovingRange | null>(addBatch, null)

test('the first batch counts as it is, each other with a hundredth', () => {
  expect(averaged([{ min: -1, max: 2 }])?.average).toEqual({ min: -1, max: 2 })
  const two = averaged([
    { min: -1, max: 2 },
    { min: 99, max: 102 },
  ])
  // By hand: -1 + 0.01 * 100 and 2 + 0.01 * 100.
  expect(two?.average.min).toBeCloseTo(0, 12)
  expect(two?.average.max).toBeCloseTo(3, 12)
  expect(two?.batches).toBe(2)
})

test('batches joined at any place give the recurrence over all of them', () => {
  const end = fc.float({ min: -1000, max: 1000, noNaN: true })
  const batch = fc.record({ min: end, max: end })
  fc.assert(
    fc.property(fc.array(batch, { minLength: 2, maxLength: 40 }), fc.nat(), (batches, cut) => {
      const at = 1 + (cut % (batches.length - 1))
      const before = averaged(batches.slice(0, at))
      const after = averaged(batches.slice(at))
      if (before === null || after === null) throw new Error('no batch')
      const joined = joinBatches(before, after)
      let [{ min, max } = { min: 0, max: 0 }] = batches
      for (const next of batches.slice(1)) {
        min += 0.01 * (next.min - min)
        max += 0.01 * (next.max - max)
      }
      expect(Math.abs(joined.average.min - min)).toBeLessThan(1e-9)
      expect(Math.abs(joined.average.max - max)).toBeLessThan(1e-9)
      expect(joined.batches).toBe(batches.length)
    }),
  )
})
