import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { MAX_HALF } from '../tensor/float16.ts'
import { improveHalfScales } from './nearby-scales.ts'
import { scalarKernels } from './scalar.ts'

const INT8 = { qmin: -128, qmax: 127, blockLength: 8, scaleDtype: 'float16' } as const

function errorOf(x: Float32Array, scale: Float32Array, zero: Int8Array): number {
  const codes = new Int8Array(x.length)
  const decoded = new Float32Array(x.length)
  scalarKernels.encodeBlocks(codes, x, scale, zero, INT8)
  scalarKernels.decodeBlocks(decoded, codes, scale, zero, { blockLength: 8, dtype: 'float32' })
  return scalarKernels.errorSums(x, decoded).squaredError
}

function chosen(x: Float32Array): { readonly before: number; readonly after: number } {
  const scale = new Float32Array(1)
  const zero = new Int8Array(1)
  scalarKernels.asymmetricScales(scale, zero, x, INT8)
  const before = errorOf(x, scale, zero)
  improveHalfScales(scale, zero, { x, importance: undefined }, INT8)
  expect(scale[0]).toBeGreaterThan(0)
  expect(scale[0]).toBeLessThanOrEqual(MAX_HALF)
  return { before, after: errorOf(x, scale, zero) }
}

describe('improveHalfScales', () => {
  test('never makes the error larger', () => {
    const magnitudes = fc.constantFrom(1e-6, 1e-3, 1, 1000)
    const values = fc.array(fc.float({ noNaN: true, min: -1, max: 1 }), {
      minLength: 8,
      maxLength: 8,
    })
    fc.assert(
      fc.property(values, magnitudes, (list, magnitude) => {
        const { before, after } = chosen(Float32Array.from(list, (value) => value * magnitude))
        expect(after).toBeLessThanOrEqual(before * (1 + 1e-6))
      }),
    )
  })

  test('takes the next scale where a rounded subnormal one clips', () => {
    // (max - min) / 255 is 1.4 of the smallest half, which is what it is rounded to.
    const step = 2 ** -24
    const x = Float32Array.from([0, 357, 340, 320, 300, 280, 260, 256], (value) => value * step)
    const { before, after } = chosen(x)
    expect(before).toBeGreaterThan((100 * step) ** 2)
    expect(after).toBeLessThan((3 * step) ** 2)
  })
})
