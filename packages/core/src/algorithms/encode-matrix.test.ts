import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededWeights, weightFloat } from '../../test/kernel-values.ts'
import { errorSums } from '../kernels/error-sums.ts'
import { scalarKernels } from '../kernels/scalar.ts'
import { loadSimdKernels } from '../kernels/simd.ts'
import { codeRange } from './code-range.ts'
import { encodeMatrix, type MatrixSpec } from './encode-matrix.ts'

const simdKernels = loadSimdKernels()

const INT4: MatrixSpec = {
  rows: 2,
  cols: 4,
  blockLength: 4,
  integer: 'int4',
  symmetric: true,
  scaleDtype: 'float16',
  decodeDtype: 'float32',
  algorithm: 'round',
}

describe('encodeMatrix', () => {
  test('codes, scales and the error of a matrix worked by hand', () => {
    // Row 1: scale 1 = 7 / 7, 0.25 is lost. Row 2: scale 2 = 14 / 7; 3 / 2 is a tie and goes to 2.
    const x = Float32Array.of(7, -7, 0.25, 3, -14, 2, 3, 0)
    const encoded = encodeMatrix(scalarKernels, x, INT4)
    expect([...encoded.scale]).toEqual([1, 2])
    expect([...encoded.codes]).toEqual([7, -7, 0, 3, -7, 1, 2, 0])
    expect(encoded.zeroPoint).toBeUndefined()
    expect(encoded.error).toEqual({ squaredError: 1.0625, squaredSignal: 316.0625, maxAbsError: 1 })
  })

  test('an all-zero matrix has scale 1, codes 0 and no error', () => {
    for (const symmetric of [true, false]) {
      for (const algorithm of ['round', 'mse'] as const) {
        const encoded = encodeMatrix(simdKernels, new Float32Array(8), {
          ...INT4,
          symmetric,
          algorithm,
        })
        expect([...encoded.scale]).toEqual([1, 1])
        expect(encoded.codes.every((code) => code === 0)).toBe(true)
        expect(encoded.error.squaredError).toBe(0)
      }
    }
  })

  test('SIMD and scalar kernels encode alike, for every kind of spec', () => {
    const x = seededWeights(12 * 96, 21)
    for (const integer of ['int8', 'int4', 'int3', 'int2'] as const) {
      for (const symmetric of [true, false]) {
        for (const algorithm of ['round', 'mse'] as const) {
          for (const blockLength of [32, 96, 12 * 96]) {
            const spec = { ...INT4, rows: 12, cols: 96, integer, symmetric, algorithm, blockLength }
            expect(encodeMatrix(simdKernels, x, spec)).toEqual(encodeMatrix(scalarKernels, x, spec))
          }
        }
      }
    }
  })

  test('codes stay in the range of their integer', () => {
    const integers = fc.constantFrom('int8', 'int4', 'int3', 'int2')
    fc.assert(
      fc.property(
        fc.array(weightFloat, { minLength: 8, maxLength: 8 }),
        integers,
        fc.boolean(),
        (list, integer, symmetric) => {
          const { codes } = encodeMatrix(simdKernels, Float32Array.from(list), {
            ...INT4,
            integer,
            symmetric,
          })
          const { qmin, qmax } = codeRange(integer, symmetric)
          expect(codes.every((code) => code >= qmin && code <= qmax)).toBe(true)
        },
      ),
    )
  })

  test('the error is that of all decoded values, also when they are decoded in parts', () => {
    for (const [rows, cols, blockLength] of [
      [3, 70000, 210000],
      [30, 7000, 7000],
      [5, 70000, 70000],
    ] as const) {
      const x = seededWeights(rows * cols, rows)
      const spec = { ...INT4, rows, cols, blockLength, decodeDtype: 'float16' } as const
      const { codes, scale, zeroPoint, error } = encodeMatrix(simdKernels, x, spec)
      const decoded = new Float32Array(x.length)
      simdKernels.decodeBlocks(decoded, codes, scale, zeroPoint, { blockLength, dtype: 'float16' })
      const whole = errorSums(x, decoded)
      expect(error.maxAbsError).toBe(whole.maxAbsError)
      expect(error.squaredError / whole.squaredError).toBeCloseTo(1, 12)
      expect(error.squaredSignal / whole.squaredSignal).toBeCloseTo(1, 12)
    }
  })

  test('a matrix that does not fit its blocks is refused', () => {
    const x = new Float32Array(8)
    expect(() => encodeMatrix(scalarKernels, x, { ...INT4, blockLength: 3 })).toThrow(TypeError)
    expect(() => encodeMatrix(scalarKernels, x, { ...INT4, rows: 3 })).toThrow(TypeError)
  })
})
