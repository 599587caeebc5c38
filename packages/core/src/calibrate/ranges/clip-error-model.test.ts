import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  measuredError,
  seededNormal,
  summaryOfBatches,
  SYMMETRIC_INT8,
  UINT8,
} from '../../../test/range-values.ts'
import { clipErrorModel } from './clip-error-model.ts'
import { liveBins } from './live-bins.ts'
import { quantParamsFor } from './quant-params.ts'

/** Most values within 1, one in fifty up to some hundreds. */
const x = seededNormal(20000, 43).map((value, i) => (i % 50 === 0 ? 100 * value : value))

test('the model is near the measured error, from deep clips to steps that lose most values', () => {
  const bins = liveBins(summaryOfBatches(x).histogram)
  const end = fc.double({ min: 0, max: 9, noNaN: true }).map((octaves) => 3 * 2 ** octaves)
  fc.assert(
    fc.property(end, end, fc.constantFrom(UINT8, SYMMETRIC_INT8), (low, high, spec) => {
      const range = { min: -low, max: high }
      const measured = measuredError(x, quantParamsFor(range, spec), spec) * x.length
      expect(Math.abs(clipErrorModel(bins, spec)(range) / measured - 1)).toBeLessThan(0.15)
    }),
    { numRuns: 60 },
  )
})
