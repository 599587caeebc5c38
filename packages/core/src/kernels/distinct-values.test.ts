import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyFloat, seededBits, seededIntegers, seededWeights } from '../../test/kernel-values.ts'
import { roundToHalf } from '../tensor/float16.ts'
import { distinctValues, mergeDistinct, noDistinctValues } from './distinct-values.ts'
import { halfKey, keyExponent, keyOf, keyValue } from './half-keys.ts'
import type { DistinctValues } from './palette-kernels.ts'
import { scalarKernels } from './scalar.ts'
import { loadSimdKernels } from './simd.ts'

const simdKernels = loadSimdKernels()

describe('keys of halves', () => {
  test('have the order of the values, both zeros alike, NaN apart', () => {
    const halves = [0xfc00, 0xfbff, 0x8001, 0x8000, 0, 1, 0x3c00, 0x7bff, 0x7c00]
    const keys = halves.map(halfKey)
    expect(keys).toEqual(keys.toSorted((a, b) => a - b))
    expect(keys[3]).toBe(keys[4])
    expect(new Set(keys).size).toBe(halves.length - 1)
    expect(halfKey(0x7e00)).toBe(0xfe00)
    expect(halfKey(0xfe00)).toBe(0xfe00)
  })

  test('give back every finite half', () => {
    const keys = Array.from({ length: 0xfc00 - 0x0401 }, (_, i) => 0x0401 + i)
    expect(keys.filter((key) => keyOf(keyValue(key), 1) !== key)).toEqual([])
  })

  // The largest value is brought between 16376 and 65504.
  test.for([
    [1, 14],
    [65504, 0],
    [65505, -1],
    [0.02, 20],
    [3.4e38, -112],
    [1e-40, 127],
    [0, 0],
  ] as const)('the exponent of %d is %d', ([largest, exponent]) => {
    expect(keyExponent(largest)).toBe(exponent)
  })
})

describe('distinctValues', () => {
  test('counts equal values and leaves out what is not finite', () => {
    const x = Float32Array.of(1, -2, 1, 0, -0, NaN, Infinity, -Infinity, -2, 1)
    const { keys, weight, sum } = distinctValues(x, 0, undefined)
    expect(Array.from(keys, keyValue)).toEqual([-2, 0, 1])
    expect([...weight]).toEqual([2, 2, 3])
    expect([...sum]).toEqual([-4, 0, 3])
  })

  test('weighs, and leaves out what has no weight', () => {
    const x = Float32Array.of(1, 1, 2, 3)
    const { keys, weight, sum } = distinctValues(x, 0, Float32Array.of(0.5, 0.25, 0, 2))
    expect(Array.from(keys, keyValue)).toEqual([1, 3])
    expect([...weight]).toEqual([0.75, 2])
    expect([...sum]).toEqual([0.75, 6])
  })

  test('keeps the exact sum of float32 values that are one half', () => {
    const near = Math.fround(1 + 2 ** -20)
    const { weight, sum } = distinctValues(Float32Array.of(1, near), 14, undefined)
    expect([...weight]).toEqual([2])
    expect([...sum]).toEqual([2 + 2 ** -20])
  })

  test('keeps the ends of the values that have a weight', () => {
    const x = Float32Array.of(-3, 1, 1 + 2 ** -20, 5, NaN, -Infinity)
    const weights = Float32Array.of(0, 2, 1, 0, 1, 1)
    for (const kernels of [scalarKernels, simdKernels]) {
      expect(kernels.distinctValues(x, 0, undefined)).toMatchObject({ low: -3, high: 5 })
      const own = kernels.distinctValues(x, 0, weights)
      expect(own).toMatchObject({ low: 1, high: 1 + 2 ** -20 })
    }
  })

  test('tells tiny float32 values apart once they are brought into the range of halves', () => {
    const x = Float32Array.of(1e-9, 2e-9)
    expect(distinctValues(x, 0, undefined).keys).toHaveLength(1)
    expect(distinctValues(x, keyExponent(2e-9), undefined).keys).toHaveLength(2)
  })

  test('SIMD equals the reference at every length, and leaves nothing behind', () => {
    const lengths = [...Array.from({ length: 11 }, (_, i) => i), 65537]
    for (const length of lengths) {
      const next = seededIntegers(length)
      const weights = Float32Array.from({ length }, () => (next() % 7) / 8)
      for (const x of [seededWeights(length, length), seededBits(length, length)]) {
        for (const [exponent, own] of [
          [0, undefined],
          [12, weights],
        ] as const) {
          const found = simdKernels.distinctValues(x, exponent, own)
          expect(found).toEqual(distinctValues(x, exponent, own))
        }
      }
    }
  })

  test('parts merge to the whole', () => {
    const values = fc.array(anyFloat, { maxLength: 40 })
    fc.assert(
      fc.property(values, values, (first, second) => {
        const halves = [first, second].map((list) => Float32Array.from(list, roundToHalf))
        const parts = halves.map((part) => distinctValues(part, 0, undefined))
        const whole = distinctValues(
          Float32Array.from([...first, ...second], roundToHalf),
          0,
          undefined,
        )
        expect(parts.reduce(mergeDistinct, noDistinctValues(0))).toEqual(whole)
      }),
    )
  })

  test('parts with other exponents do not merge', () => {
    const empty: DistinctValues = noDistinctValues(1)
    expect(() => mergeDistinct(empty, noDistinctValues(0))).toThrow(TypeError)
    expect(() => distinctValues(new Float32Array(2), 0, new Float32Array(1))).toThrow(TypeError)
  })
})
