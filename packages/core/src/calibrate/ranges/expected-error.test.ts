import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  ALL_SPECS,
  INT8,
  measuredError,
  seededNormal,
  summaryOfBatches,
  SYMMETRIC_INT8,
  UINT8,
} from '../../../test/range-values.ts'
import { clippedFraction, expectedSquaredError, squaredSignal } from './expected-error.ts'
import type { LiveBins } from './live-bins.ts'
import { liveBins } from './live-bins.ts'
import { quantParamsFor } from './quant-params.ts'

const bins = (...list: readonly (readonly [number, number, number])[]): LiveBins => ({
  low: Float64Array.from(list, ([low]) => low),
  high: Float64Array.from(list, ([, high]) => high),
  count: Float64Array.from(list, ([, , count]) => count),
})

// By hand, with scale 1 and codes 0 to 255: integrals of (x - code)^2 over the bin, over its width.
test.for([
  { name: 'whole steps', list: bins([0, 10, 6]), error: 6 / 12 },
  { name: 'half a step around a code', list: bins([0.75, 1.25, 1]), error: 1 / 48 },
  {
    name: 'across a boundary of codes',
    list: bins([0.25, 0.75, 1]),
    error: 2 * ((0.5 ** 3 - 0.25 ** 3) / 3) * 2,
  },
  { name: 'beyond the last code', list: bins([257, 258, 2]), error: (2 * (27 - 8)) / 3 },
  { name: 'below the first code', list: bins([-2, -1, 1]), error: (8 - 1) / 3 },
  { name: 'a point', list: bins([3.25, 3.25, 4]), error: 4 / 16 },
  { name: 'a point beyond the last code', list: bins([260, 260, 1]), error: 25 },
  { name: 'zeros', list: bins([0, 0, 1000]), error: 0 },
])('expected error: $name', ({ list, error }) => {
  const params = { scale: 1, zeroPoint: 0 }
  expect(expectedSquaredError(list, params, UINT8)).toBeCloseTo(error, 10)
})

test('the error of a histogram is the error measured on the values, for any clip', () => {
  const x = seededNormal(20000, 3)
  const histogram = liveBins(summaryOfBatches(x).histogram)
  fc.assert(
    fc.property(
      fc.double({ min: 0.3, max: 6, noNaN: true }),
      fc.double({ min: 0.3, max: 6, noNaN: true }),
      fc.constantFrom(...ALL_SPECS),
      (low, high, spec) => {
        const params = quantParamsFor({ min: -low, max: high }, spec)
        const expected = expectedSquaredError(histogram, params, spec) / x.length
        const measured = measuredError(x, params, spec)
        expect(Math.abs(expected / measured - 1)).toBeLessThan(0.01)
      },
    ),
    { numRuns: 40 },
  )
})

test('signal and clipped part', () => {
  const list = bins([-1, 1, 6], [2, 2, 3])
  // By hand: 6 * 1/3 + 3 * 4.
  expect(squaredSignal(list)).toBeCloseTo(14, 12)
  const half = { scale: 1 / 127, zeroPoint: 0 }
  // The codes and half a step reach to +-127.5/127: only the three values at 2 are outside.
  expect(clippedFraction(list, half, SYMMETRIC_INT8)).toBeCloseTo(3 / 9, 12)
  const positive = { scale: 1 / 255, zeroPoint: -128 }
  // Half a step of 1/255 below 0 is within.
  const outside = 3 * (1 - 0.5 / 255) + 3
  expect(clippedFraction(list, positive, INT8)).toBeCloseTo(outside / 9, 12)
  expect(clippedFraction(bins(), half, INT8)).toBe(0)
})
