import { describe, expect, test } from 'vitest'
import { seededNumbers } from '../../test/helpers/coreml-encoding.ts'
import { scalarKernels } from '../kernels/scalar.ts'
import type { AffineScheme } from '../scheme/scheme.ts'
import { roundToHalf } from '../tensor/float16.ts'
import { encodeWeight } from './encode-weight.ts'
import type { WeightSpec } from './encode-weight.ts'

const [ROWS, COLUMNS] = [96, 64]

/** Halves of two sizes, some of them many times. */
function halves(seed: number, shift: number): Float32Array {
  const random = seededNumbers(seed)
  return Float32Array.from({ length: ROWS * COLUMNS }, (_, i) =>
    roundToHalf((random() - 0.5) * (i % 97 === 0 ? 0.9 : 0.1) + shift),
  )
}

const specOf = (scheme: AffineScheme, algorithm: 'round' | 'mse'): WeightSpec => ({
  shape: [ROWS, COLUMNS],
  outputAxis: 0,
  inputAxis: 1,
  scheme,
  algorithm,
  paletteRule: 'kmeans',
  decodeDtype: 'float16',
})

describe('one scale for all values, chosen by how often they occur', () => {
  test.for([
    ['int8', false, 'round'],
    ['int8', false, 'mse'],
    ['int4', true, 'mse'],
    ['int4', false, 'mse'],
    ['int4', false, 'round'],
  ] as const)(
    'has no larger error than that of all values: %o',
    ([dtype, symmetric, algorithm]) => {
      const granularity = { kind: 'per-tensor' } as const
      const scheme = {
        kind: 'affine',
        dtype,
        symmetric,
        granularity,
        scaleDtype: 'float16',
      } as const
      for (const [seed, shift] of [
        [1, 0],
        [2, 0.3],
        [3, -40],
        [4, 1e-5],
      ] as const) {
        const x = halves(seed, shift)
        const plain = encodeWeight(scalarKernels, x, specOf(scheme, algorithm))
        const counted = encodeWeight(scalarKernels, x, {
          ...specOf(scheme, algorithm),
          halves: true,
        })
        const { squaredError } = plain.error
        expect(counted.error.squaredError).toBeLessThanOrEqual(squaredError * (1 + 1e-9))
      }
    },
  )

  test('of nothing is a scale all the same', () => {
    const granularity = { kind: 'per-tensor' } as const
    const scheme = {
      kind: 'affine',
      dtype: 'int4',
      symmetric: false,
      granularity,
      scaleDtype: 'float16',
    } as const
    const nothing = new Float32Array(ROWS * COLUMNS).fill(Number.NaN)
    const { encoding } = encodeWeight(scalarKernels, nothing, {
      ...specOf(scheme, 'mse'),
      halves: true,
    })
    expect(encoding).toMatchObject({ scale: Float32Array.of(1) })
  })
})
