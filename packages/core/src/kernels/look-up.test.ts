import { expect, test } from 'vitest'
import {
  firstDifference,
  seededBits,
  seededIntegers,
  seededWeights,
} from '../../test/kernel-values.ts'
import { errorSums } from './error-sums.ts'
import { lookUp } from './look-up.ts'
import { loadSimdKernels } from './simd.ts'

const simdKernels = loadSimdKernels()
const LENGTHS = [...Array.from({ length: 20 }, (_, i) => i), 65535, 65536, 65537, 140001]

test('an index names its entry, and none beyond the table', () => {
  for (const find of [lookUp, simdKernels.lookUp]) {
    const out = new Float32Array(4)
    find(out, Uint8Array.of(1, 0, 255, 1), Float32Array.of(5, -0))
    expect([...out]).toEqual([-0, 5, NaN, -0])
    expect(() => find(out, new Uint8Array(3), new Float32Array(1))).toThrow(TypeError)
    expect(() => find(out, new Uint8Array(4), new Float32Array(257))).toThrow(TypeError)
  }
})

test('SIMD looks up as the reference does, at every length', () => {
  for (const length of LENGTHS) {
    const table = seededWeights(1 + (length % 256), length)
    const indices = Uint8Array.from({ length }, seededIntegers(length))
    const out = new Float32Array(length)
    const expected = new Float32Array(length)
    simdKernels.lookUp(out, indices, table)
    lookUp(expected, indices, table)
    expect(firstDifference(out, expected)).toBe(-1)
  }
})

test('SIMD sums errors in the same order, so to the same bits, at every length', () => {
  for (const length of LENGTHS) {
    for (const x of [seededWeights(length, length), seededBits(length, length)]) {
      const y = x.map((value, i) => (i % 7 === 0 ? NaN : value * 0.99))
      expect(simdKernels.errorSums(x, y)).toEqual(errorSums(x, y))
    }
  }
  expect(() => simdKernels.errorSums(new Float32Array(1), new Float32Array(2))).toThrow(TypeError)
})
