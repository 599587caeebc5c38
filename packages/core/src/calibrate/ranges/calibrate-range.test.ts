import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyFloat } from '../../../test/kernel-values.ts'
import {
  ALL_SPECS,
  INT8,
  measuredError,
  seededNormal,
  summaryOfBatches,
  SYMMETRIC_INT8,
  UINT8,
} from '../../../test/range-values.ts'
import { autoRange, calibrateRange } from './calibrate-range.ts'
import { RANGE_RULE_NAMES } from './range-rules.ts'

test('auto is within 2 % of the best rule, and none that good is wider', () => {
  const normal = seededNormal(6000, 29)
  const lists = [
    normal,
    normal.map((x) => Math.max(0, x)),
    normal.map((x) => Math.exp(x) - 2),
    Float32Array.of(...normal, 40, -37),
    normal.map((x) => Math.max(-1, Math.min(1, x))),
  ]
  for (const [index, x] of lists.entries()) {
    for (const spec of ALL_SPECS) {
      const summary = summaryOfBatches(x.subarray(0, 3000), x.subarray(3000))
      const all = RANGE_RULE_NAMES.map((rule) => calibrateRange(summary, spec, rule))
      const chosen = autoRange(summary, spec)
      const limit = Math.min(...all.map((one) => one.meanSquaredError)) * 1.02
      expect(chosen.meanSquaredError, `list ${index}`).toBeLessThanOrEqual(limit)
      const widths = all
        .filter((one) => one.meanSquaredError <= limit)
        .map(({ range }) => range.max - range.min)
      expect(chosen.range.max - chosen.range.min).toBe(Math.max(...widths))
    }
  }
})

test('auto keeps an outlier where it matters and clips where it costs too much', () => {
  const normal = seededNormal(20000, 31)
  const clipped = autoRange(summaryOfBatches(normal), SYMMETRIC_INT8)
  expect(clipped.rule).not.toBe('min-max')
  expect(clipped.clipped).toBeGreaterThan(0)
  const bounded = autoRange(summaryOfBatches(normal.map(Math.tanh)), UINT8)
  expect(bounded).toMatchObject({ rule: 'min-max', clipped: 0 })
})

test('the expected numbers are those measured', () => {
  const x = seededNormal(20000, 37)
  for (const rule of RANGE_RULE_NAMES) {
    const result = calibrateRange(summaryOfBatches(x), UINT8, rule)
    const measured = measuredError(x, result.params, UINT8)
    expect(Math.abs(result.meanSquaredError / measured - 1)).toBeLessThan(0.01)
    const signal = x.reduce((sum, value) => sum + value * value, 0) / x.length
    expect(result.sqnrDb).toBeCloseTo(10 * Math.log10(signal / measured), 1)
  }
})

test.for([
  { name: 'no values', x: [], params: { scale: 1, zeroPoint: -128 } },
  { name: 'nothing finite', x: [NaN, Infinity], params: { scale: 1, zeroPoint: -128 } },
  { name: 'only zeros', x: [0, 0, -0], params: { scale: 1, zeroPoint: -128 } },
  { name: 'subnormal values', x: [1e-45, 1e-40, -1e-42], params: { scale: 1, zeroPoint: -128 } },
])('all rules agree on degenerate activations: $name', ({ x, params }) => {
  for (const rule of RANGE_RULE_NAMES) {
    const result = calibrateRange(summaryOfBatches(x), INT8, rule)
    expect(result.params).toEqual(params)
    expect(result.sqnrDb === null || Number.isFinite(result.sqnrDb)).toBe(true)
    expect(result.clipped).toBe(0)
  }
  expect(autoRange(summaryOfBatches(x), INT8).params).toEqual(params)
})

test('a constant keeps its value within half a step', () => {
  for (const value of [3, -0.7, 1e-30, 1e30]) {
    const { params } = autoRange(summaryOfBatches(Array.from({ length: 50 }, () => value)), UINT8)
    const code = Math.max(0, Math.min(255, Math.round(value / params.scale) + params.zeroPoint))
    const back = (code - params.zeroPoint) * params.scale
    expect(Math.abs(back - value)).toBeLessThanOrEqual(params.scale / 2)
  }
})

test('after Relu every rule keeps 0 at the lowest code', () => {
  const x = seededNormal(4000, 41).map((value) => Math.max(0, value))
  for (const rule of RANGE_RULE_NAMES) {
    expect(calibrateRange(summaryOfBatches(x), UINT8, rule).params.zeroPoint).toBe(0)
    expect(calibrateRange(summaryOfBatches(x), INT8, rule).params.zeroPoint).toBe(-128)
  }
})

test('any values give parameters, and no number that is not finite', () => {
  fc.assert(
    fc.property(fc.array(anyFloat, { maxLength: 40 }), fc.constantFrom(...ALL_SPECS), (x, spec) => {
      const { params, meanSquaredError, sqnrDb, clipped } = autoRange(summaryOfBatches(x), spec)
      for (const number of [params.scale, params.zeroPoint, meanSquaredError, sqnrDb ?? 0]) {
        expect(Number.isFinite(number)).toBe(true)
      }
      expect(params.scale).toBeGreaterThan(0)
      expect(clipped >= 0 && clipped <= 1).toBe(true)
    }),
    { numRuns: 60 },
  )
})
