import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  ALL_SPECS,
  INT8,
  SYMMETRIC_INT8,
  SYMMETRIC_UINT8,
  UINT8,
} from '../../../test/range-values.ts'
import { codeRangeFor, quantParamsFor } from './quant-params.ts'

const f32 = Math.fround

// By hand: scale = (max - min) / codes, zero point = round(qmin - min / scale).
test.for([
  { name: 'positive uint8 begins at code 0', range: [0, 255], spec: UINT8, params: [1, 0] },
  { name: 'negative uint8 ends at code 255', range: [-255, 0], spec: UINT8, params: [1, 255] },
  { name: 'a range above 0 is widened to 0', range: [3, 51], spec: UINT8, params: [f32(0.2), 0] },
  {
    name: 'a range below 0 is widened to 0',
    range: [-51, -3],
    spec: UINT8,
    params: [f32(0.2), 255],
  },
  {
    name: 'a tie of the zero point goes to even',
    range: [-0.5, 254.5],
    spec: UINT8,
    params: [1, 0],
  },
  { name: 'the next tie goes up to even', range: [-1.5, 253.5], spec: UINT8, params: [1, 2] },
  { name: 'positive int8 begins at code -128', range: [0, 255], spec: INT8, params: [1, -128] },
  { name: 'int8 has its zero within', range: [-128, 127], spec: INT8, params: [1, 0] },
  {
    name: 'symmetric int8 leaves out -128',
    range: [-3, 127],
    spec: SYMMETRIC_INT8,
    params: [1, 0],
  },
  { name: 'the larger side decides', range: [-254, 127], spec: SYMMETRIC_INT8, params: [2, 0] },
  {
    name: 'symmetric uint8 has zero point 128',
    range: [-127.5, 0],
    spec: SYMMETRIC_UINT8,
    params: [1, 128],
  },
  {
    name: 'reduced uint8 has 7 bits',
    range: [0, 127],
    spec: { ...UINT8, reduceRange: true },
    params: [1, 0],
  },
  {
    name: 'reduced int8 is -64 to 64',
    range: [-64, 64],
    spec: { ...INT8, reduceRange: true },
    params: [1, 0],
  },
  {
    name: 'reduced symmetric int8 too',
    range: [-64, 3],
    spec: { ...SYMMETRIC_INT8, reduceRange: true },
    params: [1, 0],
  },
  {
    name: 'reduced symmetric uint8 has zero point 64',
    range: [-63.5, 0],
    spec: { ...SYMMETRIC_UINT8, reduceRange: true },
    params: [1, 64],
  },
  { name: 'no value but 0 gives scale 1', range: [0, 0], spec: UINT8, params: [1, 0] },
  { name: 'and the zero point of a positive range', range: [0, 0], spec: INT8, params: [1, -128] },
  { name: 'or the middle', range: [0, 0], spec: SYMMETRIC_UINT8, params: [1, 128] },
  { name: 'a subnormal scale counts as 0', range: [-1e-37, 0], spec: UINT8, params: [1, 0] },
  {
    name: 'the smallest normal scale holds',
    range: [0, 255 * 2 ** -126],
    spec: UINT8,
    params: [2 ** -126, 0],
  },
  {
    name: 'the whole of float32 has a scale',
    range: [-f32(3.4e38), f32(3.4e38)],
    spec: UINT8,
    params: [f32((2 * f32(3.4e38)) / 255), 128],
  },
] as const)('quantParamsFor: $name', ({ range: [min, max], spec, params: [scale, zeroPoint] }) => {
  expect(quantParamsFor({ min, max }, spec)).toStrictEqual({ scale, zeroPoint })
})

test.for([
  [NaN, 1],
  [-Infinity, 0],
  [0, 1e60],
] as const)('a range of [%d, %d] is refused', ([min, max]) => {
  expect(() => quantParamsFor({ min, max }, UINT8)).toThrow(
    expect.objectContaining({ code: 'not-finite' }),
  )
})

test('a value in the range comes back within a step, symmetric within half of one', () => {
  const end = fc.float({ min: -1e6, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(
      end,
      end,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(...ALL_SPECS),
      (a, b, at, spec) => {
        const range = { min: Math.min(a, b), max: Math.max(a, b) }
        const { scale, zeroPoint } = quantParamsFor(range, spec)
        const { qmin, qmax } = codeRangeFor(spec)
        expect(Number.isInteger(zeroPoint) && zeroPoint >= qmin && zeroPoint <= qmax).toBe(true)
        expect(f32(scale)).toBe(scale)
        const value = range.min + at * (range.max - range.min)
        const code = Math.max(qmin, Math.min(qmax, Math.round(value / scale) + zeroPoint))
        // A rounded zero point moves both ends by up to half a step; a little more for float32.
        const limit = scale * (spec.symmetric ? 0.5 : 1) * (1 + 1e-4)
        const tiny = 255 * 2 ** -126
        expect(Math.abs(value - (code - zeroPoint) * scale)).toBeLessThanOrEqual(limit + tiny)
      },
    ),
  )
})
