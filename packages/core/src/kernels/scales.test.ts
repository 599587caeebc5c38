import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyFloat, weightFloat } from '../../test/kernel-values.ts'
import { roundToHalf } from '../tensor/float16.ts'
import { decodeBlocks, encodeBlocks } from './encode.ts'
import { asymmetricScales, coveringScale, roundScales } from './scales.ts'

const INT4 = { qmin: -8, qmax: 7 } as const
const SYMMETRIC_RANGES = [
  { qmin: -127, qmax: 127 },
  INT4,
  { qmin: -4, qmax: 3 },
  { qmin: -2, qmax: 1 },
] as const

test('the covering scale is the smallest of both signs that clips nothing', () => {
  const end = weightFloat.map(Math.abs)
  fc.assert(
    fc.property(end, end, fc.constantFrom(...SYMMETRIC_RANGES), (below, high, range) => {
      const low = -below
      // By the definition, in float64: with scale s the values in [qmin s, qmax s] are kept.
      const keeps = (scale: number): boolean =>
        [low, high].every((x) => x / scale >= range.qmin && x / scale <= range.qmax)
      const scale = coveringScale(low, high, range)
      if (low === high) {
        expect(scale).toBe(0)
        return
      }
      const rounding = 2 ** -23
      expect(keeps(scale * (1 + rounding))).toBe(true)
      expect(keeps(scale * (1 - rounding))).toBe(false)
      expect(keeps(-scale * (1 - rounding))).toBe(false)
    }),
  )
})

test('a mirrored block has the mirrored scale, unless both signs do equally well', () => {
  const values = fc.array(weightFloat, { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(values, fc.constantFrom(...SYMMETRIC_RANGES), (list, range) => {
      const low = Math.min(0, ...list)
      const high = Math.max(0, ...list)
      const scale = coveringScale(low, high, range)
      const mirrored = coveringScale(-high, -low, range)
      expect(Math.abs(mirrored)).toBe(Math.abs(scale))
      // Ends that are equal, or differ in their last bits only, may have scales that round alike.
      if (Math.abs(high + low) <= high * 2 ** -20) return
      expect(mirrored).toBe(range.qmax === -range.qmin ? scale : -scale)
    }),
  )
})

// By hand: scale = (max - min) / 15 with 0 in the range, zero point = -8 - min / scale.
test.for([
  { name: 'a range around 0', x: [-5, 10], scale: 1, zero: -3, codes: [-8, 7] },
  { name: 'positive values reach down to 0', x: [15, 30], scale: 2, zero: -8, codes: [0, 7] },
  { name: 'negative values reach up to 0', x: [-30, -14], scale: 2, zero: 7, codes: [-8, 0] },
  { name: 'an all-zero block', x: [0, -0], scale: 1, zero: 0, codes: [0, 0] },
  {
    name: 'NaN and infinity do not count',
    x: [NaN, 15, Infinity],
    scale: 1,
    zero: -8,
    codes: [-8, 7, 7],
  },
])('asymmetricScales: $name', ({ x, scale, zero, codes }) => {
  const spec = { ...INT4, blockLength: x.length, scaleDtype: 'float16' } as const
  const values = Float32Array.from(x)
  const outScale = new Float32Array(1)
  const outZero = new Int8Array(1)
  asymmetricScales(outScale, outZero, values, spec)
  expect([outScale[0], outZero[0]]).toEqual([scale, zero])
  const outCodes = new Int8Array(x.length)
  encodeBlocks(outCodes, values, outScale, outZero, spec)
  expect([...outCodes]).toEqual(codes)
})

test('asymmetric codes come back within a step, and 0 comes back exactly', () => {
  const range = fc.constantFrom(INT4, { qmin: -128, qmax: 127 }, { qmin: -2, qmax: 1 })
  fc.assert(
    fc.property(
      fc.array(weightFloat, { minLength: 1, maxLength: 40 }),
      range,
      (list, { qmin, qmax }) => {
        const x = Float32Array.from([...list, 0])
        const spec = { qmin, qmax, blockLength: x.length, scaleDtype: 'float32' } as const
        const scale = new Float32Array(1)
        const zero = new Int8Array(1)
        asymmetricScales(scale, zero, x, spec)
        const codes = new Int8Array(x.length)
        encodeBlocks(codes, x, scale, zero, spec)
        const back = new Float32Array(x.length)
        decodeBlocks(back, codes, scale, zero, { blockLength: x.length, dtype: 'float32' })
        expect(back.at(-1)).toBe(0)
        // Half a step for the value and half for the rounded zero point.
        for (const [i, value] of x.entries()) {
          expect(Math.abs(value - (back[i] ?? NaN))).toBeLessThanOrEqual((scale[0] ?? 0) * 1.0001)
        }
      },
    ),
  )
})

// By hand from the rule: 0 is 1, else rounded and kept within the dtype, with its sign.
test.for([
  { scale: 0, dtype: 'float16', stored: 1 },
  { scale: 0, dtype: 'float32', stored: 1 },
  { scale: 0.1, dtype: 'float16', stored: 0.0999755859375 },
  { scale: 0.1, dtype: 'float32', stored: Math.fround(0.1) },
  { scale: 1e-9, dtype: 'float16', stored: 2 ** -24 },
  { scale: 1e-45, dtype: 'float32', stored: 1.401298464324817e-45 },
  { scale: 65519, dtype: 'float16', stored: 65504 },
  { scale: 1e20, dtype: 'float16', stored: 65504 },
  { scale: Infinity, dtype: 'float32', stored: 3.4028234663852886e38 },
  { scale: -0, dtype: 'float16', stored: 1 },
  { scale: NaN, dtype: 'float32', stored: 1 },
  { scale: -0.1, dtype: 'float16', stored: -0.0999755859375 },
  { scale: -1e-9, dtype: 'float16', stored: -(2 ** -24) },
  { scale: -1e-45, dtype: 'float32', stored: -1.401298464324817e-45 },
  { scale: -1e20, dtype: 'float16', stored: -65504 },
  { scale: -Infinity, dtype: 'float32', stored: -3.4028234663852886e38 },
] as const)('a scale of $scale is stored in $dtype as $stored', ({ scale, dtype, stored }) => {
  const out = Float32Array.of(scale)
  roundScales(out, out, dtype)
  expect(out[0]).toBe(stored)
})

test('a stored scale has its sign, is not 0, finite, and stays as it is when stored again', () => {
  fc.assert(
    fc.property(anyFloat, fc.constantFrom('float16', 'float32'), (value, dtype) => {
      const once = Float32Array.of(value)
      roundScales(once, once, dtype)
      const stored = once[0] ?? NaN
      expect(stored < 0).toBe(value < 0)
      expect(Math.abs(stored) > 0 && Math.abs(stored) < Infinity).toBe(true)
      expect(dtype === 'float32' || roundToHalf(stored) === stored).toBe(true)
      roundScales(once, once, dtype)
      expect(once[0]).toBe(stored)
    }),
  )
})

test('half precision decoding rounds the exact product once', () => {
  fc.assert(
    fc.property(fc.integer({ min: -128, max: 127 }), weightFloat, (code, value) => {
      const out = new Float32Array(1)
      const scale = Float32Array.of(value)
      decodeBlocks(out, Int8Array.of(code), scale, undefined, { blockLength: 1, dtype: 'float16' })
      expect(out[0]).toBe(roundToHalf(code * (scale[0] ?? 0)))
    }),
  )
})

test('arrays that do not fit together are refused', () => {
  const spec = { ...INT4, blockLength: 2 }
  const x = new Float32Array(4)
  expect(() => encodeBlocks(new Int8Array(4), x, new Float32Array(1), undefined, spec)).toThrow(
    TypeError,
  )
  expect(() => encodeBlocks(new Int8Array(3), x, new Float32Array(2), undefined, spec)).toThrow(
    TypeError,
  )
  expect(() => roundScales(new Float32Array(1), new Float32Array(2), 'float16')).toThrow(TypeError)
})
