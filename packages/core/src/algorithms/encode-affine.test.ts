import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededWeights, weightFloat } from '../../test/kernel-values.ts'
import { decode } from '../kernels/decode-encoding.ts'
import { errorSums } from '../kernels/error-sums.ts'
import { scalarKernels } from '../kernels/scalar.ts'
import { loadSimdKernels } from '../kernels/simd.ts'
import { roundToHalf } from '../tensor/float16.ts'
import { elementsOf } from '../tensor/weight.ts'
import { codeRange } from './code-range.ts'
import { type AffineSpec, encodeAffine } from './encode-affine.ts'

const simdKernels = loadSimdKernels()

const INT8: AffineSpec = {
  shape: [2, 3],
  block: [1, 3],
  integer: 'int8',
  symmetric: true,
  scaleDtype: 'float16',
  decodeDtype: 'float16',
  algorithm: 'round',
}

describe('encodeAffine', () => {
  test('one scale a column, in storage order', () => {
    // Columns (127, -254) and (0, 0) and (63.5, 0): scales 2, 1 and 0.5.
    const x = Float32Array.of(127, 0, 63.5, -254, 0, 0)
    const { encoding, error } = encodeAffine(scalarKernels, x, { ...INT8, block: [2, 1] })
    expect([...encoding.scale]).toEqual([2, 1, 0.5])
    // 127 / 2 = 63.5 is a tie and goes to 64.
    expect([...encoding.codes]).toEqual([64, 0, 127, -127, 0, 0])
    expect(encoding.zeroPoint).toBeUndefined()
    expect(error).toEqual({
      squaredError: 1,
      squaredSignal: 127 ** 2 + 254 ** 2 + 63.5 ** 2,
      maxAbsError: 1,
    })
  })

  test('blocks on two axes of four', () => {
    const shape = [4, 2, 2, 2]
    const x = Float32Array.from(
      { length: 32 },
      (_, i) => (i < 16 ? 1 : 4) * (i % 2 === 0 ? 127 : 254),
    )
    const { encoding } = encodeAffine(scalarKernels, x, { ...INT8, shape, block: [2, 2, 2, 1] })
    expect([...encoding.scale]).toEqual([1, 2, 4, 8])
    expect(encoding.codes.every((code) => code === 127)).toBe(true)
  })

  test('asymmetric ranges hold 0, and use all codes', () => {
    const x = Float32Array.of(0.5, 1, 2.55, -1, -2, -2.55)
    const spec = {
      ...INT8,
      symmetric: false,
      scaleDtype: 'float32',
      decodeDtype: 'float32',
    } as const
    const { encoding } = encodeAffine(scalarKernels, x, spec)
    expect([...encoding.scale]).toEqual([Math.fround(0.01), Math.fround(0.01)])
    expect([...(encoding.zeroPoint ?? [])]).toEqual([-128, 127])
    expect([...encoding.codes]).toEqual([-78, -28, 127, 27, -73, -128])
  })

  test('int4 uses the codes -7 to 7 when it rounds, and -8 with a positive scale when it searches', () => {
    const x = Float32Array.of(-8, 7, 1, -7, 0, 3)
    const spec = { ...INT8, shape: [6], block: [6], integer: 'int4', signs: 'positive' } as const
    const rounded = encodeAffine(scalarKernels, x, spec).encoding
    expect(Math.min(...rounded.codes)).toBe(-7)
    const searched = encodeAffine(simdKernels, x, { ...spec, algorithm: 'mse' }).encoding
    expect([...searched.scale]).toEqual([1])
    expect([...searched.codes]).toEqual([-8, 7, 1, -7, 0, 3])
    const mirrored = x.map((value) => -value)
    expect(
      encodeAffine(simdKernels, mirrored, { ...spec, algorithm: 'mse' }).encoding.scale[0],
    ).toBeGreaterThan(0)
  })
})

// coremltools 9.0 computes in fp16 here: a scale of 0, NaN or infinity.
describe('groups that fp16 arithmetic cannot hold', () => {
  test('all zero: scale 1 and codes 0', () => {
    const { encoding, error } = encodeAffine(simdKernels, new Float32Array(6), INT8)
    expect([...encoding.scale]).toEqual([1, 1])
    expect(encoding.codes.every((code) => code === 0)).toBe(true)
    expect(error.squaredError).toBe(0)
  })

  test('tiny: the smallest scale, and never all zero', () => {
    const x = Float32Array.of(2 ** -24, -(2 ** -24), 2 ** -23, 1e-6, 0, -1e-6)
    const { encoding } = encodeAffine(simdKernels, x, INT8)
    expect([...encoding.scale]).toEqual([2 ** -24, 2 ** -24])
    expect([...decode(encoding)]).toEqual([...x].map(roundToHalf))
  })

  test('values up to the end of fp16 decode to finite values', () => {
    for (const integer of ['int8', 'int4', 'int3', 'int2'] as const) {
      for (const symmetric of [true, false]) {
        for (const algorithm of ['round', 'mse'] as const) {
          for (const top of [40000, 60000, 65504]) {
            const x = Float32Array.of(top, -top, top / 3, 1, -top, top / 1.9)
            const spec = { ...INT8, integer, symmetric, algorithm, signs: 'positive' } as const
            const { encoding, error } = encodeAffine(simdKernels, x, spec)
            const decoded = decode(encoding)
            expect(decoded.every(Number.isFinite)).toBe(true)
            const { qmin, qmax } = codeRange(integer, symmetric)
            expect(error.maxAbsError).toBeLessThanOrEqual((2 * top) / (qmax - qmin))
            expect(error).toEqual(errorSums(x, decoded))
          }
        }
      }
    }
  })

  test('blocks beside one at the end of fp16 are what they are without it', () => {
    const usual = Float32Array.of(0.1, -0.7, 0.31, 1, 0.5, NaN, 0.9)
    for (const symmetric of [true, false]) {
      for (const algorithm of ['round', 'mse'] as const) {
        const spec = { ...INT8, integer: 'int4', symmetric, algorithm, signs: 'positive' } as const
        const alone = { ...spec, shape: [1, 7], block: [1, 7] }
        const both = { ...spec, shape: [2, 7], block: [1, 7] }
        const x = Float32Array.of(...usual, 65504, -65504, 1, 2, 3, 4, 5)
        const { encoding } = encodeAffine(simdKernels, x, both)
        const own = encodeAffine(simdKernels, usual, alone).encoding
        expect(encoding.codes.subarray(0, 7)).toEqual(own.codes)
        expect(encoding.scale[0]).toBe(own.scale[0])
        expect(encoding.zeroPoint?.[0]).toBe(own.zeroPoint?.[0])
        expect(decode(encoding).every(Number.isFinite)).toBe(true)
      }
    }
  })

  test('float32 values beyond fp16 are clipped to it', () => {
    const x = Float32Array.of(1e6, -1e6, 0, 1, 2, 3)
    const { encoding, error } = encodeAffine(simdKernels, x, INT8)
    const [largest = 0, lowest = 0] = decode(encoding)
    expect(largest).toBeGreaterThan(65000)
    expect(lowest).toBe(-largest)
    expect(error.maxAbsError).toBe(1e6 - largest)
  })
})

describe('every block of every small shape', () => {
  const size = fc.integer({ min: 1, max: 3 })
  const axes = fc.array(fc.record({ blocks: size, block: size }), { minLength: 1, maxLength: 4 })
  const spec = fc.record({
    integer: fc.constantFrom('int8', 'int4', 'int2'),
    symmetric: fc.boolean(),
    scaleDtype: fc.constantFrom('float16', 'float32'),
    decodeDtype: fc.constantFrom('float16', 'float32'),
    algorithm: fc.constantFrom('round', 'mse'),
  })

  test('is encoded as if it were alone', () => {
    fc.assert(
      fc.property(
        axes,
        spec,
        fc.infiniteStream(weightFloat),
        fc.boolean(),
        (list, rest, stream, isWeighted) => {
          const shape = list.map((axis) => axis.block * axis.blocks)
          const block = list.map((axis) => axis.block)
          const x = Float32Array.from({ length: elementsOf(shape) }, () => stream.next().value)
          const importance = isWeighted ? { importance: x.map((_, i) => 1 + (i % 5)) } : {}
          const whole = encodeAffine(simdKernels, x, { ...rest, shape, block, ...importance })
          const { encoding } = whole
          expect(whole.error.squaredError).toBeCloseTo(
            errorSums(x, decode(encoding)).squaredError,
            9,
          )
          for (let index = 0; index < encoding.scale.length; index++) {
            const own = x.map((_, i) => i).filter((i) => blockOf(i, shape, block) === index)
            const weights = isWeighted ? { importance: own.map((i) => 1 + (i % 5)) } : {}
            const alone = encodeAffine(
              scalarKernels,
              own.map((i) => x[i] ?? 0),
              {
                ...rest,
                shape: [own.length],
                block: [own.length],
                ...weights,
              },
            )
            expect(encoding.scale[index]).toBe(alone.encoding.scale[0])
            expect(encoding.zeroPoint?.[index]).toBe(alone.encoding.zeroPoint?.[0])
            expect(Array.from(own, (i) => encoding.codes[i])).toEqual([...alone.encoding.codes])
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})

test('the search never has more error than plain rounding, also weighted', () => {
  const x = seededWeights(4096, 5)
  const importance = x.map((_, i) => (i % 7) + 0.5)
  const spec = { ...INT8, shape: [64, 64], block: [64, 1], integer: 'int4' } as const
  const costs = (['round', 'mse'] as const).map((algorithm) => {
    const decoded = decode(
      encodeAffine(simdKernels, x, { ...spec, algorithm, importance }).encoding,
    )
    return x.reduce(
      (sum, value, i) => sum + (importance[i] ?? 0) * (value - (decoded[i] ?? 0)) ** 2,
      0,
    )
  })
  expect(costs[1]).toBeLessThan(0.95 * (costs[0] ?? 0))
})

test('blocks that do not divide the shape are refused', () => {
  expect(() =>
    encodeAffine(scalarKernels, new Float32Array(6), { ...INT8, block: [1, 2] }),
  ).toThrow(TypeError)
})

/** The block of value i, from its coordinates. */
function blockOf(i: number, shape: readonly number[], block: readonly number[]): number {
  let rest = i
  let stride = 1
  let index = 0
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1
    const inBlock = block[axis] ?? 1
    index += Math.floor((rest % size) / inBlock) * stride
    stride *= size / inBlock
    rest = Math.floor(rest / size)
  }
  return index
}
