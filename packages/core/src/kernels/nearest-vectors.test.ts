import { expect, test } from 'vitest'
import { firstDifference, seededBits, seededWeights } from '../../test/kernel-values.ts'
import { addVectors, nearestVectors } from './nearest-vectors.ts'
import { loadSimdKernels } from './simd.ts'

const simdKernels = loadSimdKernels()

test('each vector gets its nearest entry, of equals the first, and 0 when it is not finite', () => {
  // Vectors (1, 1), (9, 8), (5, 5), (NaN, 9) as two planes; (5, 5) is as near to (0, 0) as to (10, 10).
  const x = Float32Array.of(1, 9, 5, NaN, 1, 8, 5, 9)
  const table = Float32Array.of(0, 0, 10, 10)
  for (const find of [nearestVectors, simdKernels.nearestVectors]) {
    const indices = new Uint8Array(4)
    find(indices, x, table, { size: 2, inner: 4 })
    expect([...indices]).toEqual([0, 1, 0, 0])
  }
})

test('rows of vectors lie behind one another', () => {
  const x = Float32Array.of(1, 2, 3, 4, 9, 9, 8, 8)
  for (const find of [nearestVectors, simdKernels.nearestVectors]) {
    const indices = new Uint8Array(4)
    find(indices, x, Float32Array.of(9, 8, 2, 4, 1, 3), { size: 2, inner: 2 })
    expect([...indices]).toEqual([2, 1, 0, 0])
  }
})

test('SIMD equals the reference for every size of vectors, rows and table', () => {
  for (const [rows, size, inner, entries] of [
    [1, 1, 1, 1],
    [3, 2, 5, 4],
    [7, 2, 1, 16],
    [2, 3, 17, 8],
    [5, 4, 64, 64],
    [1, 8, 33, 256],
    [40, 2, 1001, 2],
    [2, 2, 40000, 3],
    [1, 32, 2500, 4],
  ] as const) {
    const table = seededWeights(entries * size, entries)
    const count = rows * size * inner
    for (const x of [seededWeights(count, count), seededBits(count, count)]) {
      const indices = new Uint8Array(rows * inner)
      const expected = new Uint8Array(rows * inner)
      simdKernels.nearestVectors(indices, x, table, { size, inner })
      nearestVectors(expected, x, table, { size, inner })
      expect(firstDifference(indices, expected)).toBe(-1)
    }
  }
})

test('sums of vectors by entry, those that are not finite left out', () => {
  const x = Float32Array.of(1, 2, NaN, 3, 4, 5)
  const sums = { weight: new Float64Array(2), sum: new Float64Array(4), squares: 0 }
  const indices = Uint8Array.of(1, 1, 0)
  addVectors(sums, x, indices, undefined, { size: 2, inner: 3 })
  addVectors(sums, x, indices, Float32Array.of(0.5, 0, 1), { size: 2, inner: 3 })
  // Vectors (1, 3) and (2, 4) in entry 1; then half of (1, 3).
  expect([...sums.weight]).toEqual([0, 2.5])
  expect([...sums.sum]).toEqual([0, 0, 3.5, 8.5])
  expect(sums.squares).toBe(10 + 20 + 5)
})

test('arrays that do not fit are refused', () => {
  for (const find of [nearestVectors, simdKernels.nearestVectors]) {
    const spec = { size: 2, inner: 2 }
    const table = new Float32Array(4)
    expect(() => find(new Uint8Array(3), new Float32Array(6), table, spec)).toThrow(TypeError)
    expect(() => find(new Uint8Array(3), new Float32Array(4), table, spec)).toThrow(TypeError)
    expect(() => find(new Uint8Array(2), new Float32Array(4), new Float32Array(3), spec)).toThrow(
      TypeError,
    )
  }
})
