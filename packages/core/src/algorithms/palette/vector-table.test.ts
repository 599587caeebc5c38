import { expect, test } from 'vitest'
import { seededWeights } from '../../../test/kernel-values.ts'
import { seededRandom } from '../../base/seeded-random.ts'
import { firstEntries } from '../../kernels/first-entries.ts'
import type { Vectors } from '../../kernels/first-entries.ts'
import { scalarKernels } from '../../kernels/scalar.ts'
import { loadSimdKernels } from '../../kernels/simd.ts'
import { vectorTable } from './vector-table.ts'

const simdKernels = loadSimdKernels()

test('well separated heaps give their means', () => {
  const centres = [0, 0, 10, 10, -10, 5, 4, -12]
  const noise = seededWeights(2000, 2)
  const x = noise.map((value, i) => value + (centres[2 * (i % 4) + (i < 1000 ? 0 : 1)] ?? 0))
  const table = vectorTable(simdKernels, vectorsOf(x, 1000), 2, 'float32')
  const found = Array.from({ length: 4 }, (_, e) =>
    [...table.subarray(2 * e, 2 * e + 2)].map(Math.round),
  )
  expect(found.map((pair) => pair.join(' ')).toSorted()).toEqual(['-10 5', '0 0', '10 10', '4 -12'])
})

test('the table is the same on every run and with every kernel', () => {
  const vectors = vectorsOf(seededWeights(30000, 4), 15000)
  const table = vectorTable(simdKernels, vectors, 3, 'float16')
  expect(vectorTable(simdKernels, vectors, 3, 'float16')).toEqual(table)
  expect(vectorTable(scalarKernels, vectors, 3, 'float16')).toEqual(table)
})

test('no start of Lloyd’s algorithm from drawn vectors does much better', () => {
  const x = seededWeights(20000, 6)
  const vectors = vectorsOf(x, 10000)
  for (const bits of [1, 2, 4, 6] as const) {
    const own = errorOf(vectors, vectorTable(simdKernels, vectors, bits, 'float32'))
    for (let seed = 0; seed < 3; seed++) {
      const drawn = Array.from({ length: 2 ** bits }, (_, e) => (e * 7919 + seed * 104729) % 10000)
      const first = Float32Array.from(drawn.flatMap((i) => [x[i] ?? 0, x[10000 + i] ?? 0]))
      expect(own).toBeLessThan(1.02 * errorOf(vectors, lloyd(vectors, first)))
    }
  }
})

test('of few vectors many entries are placed better than by ten starts', () => {
  const x = seededWeights(2000, 9)
  const vectors = vectorsOf(x, 1000)
  const own = errorOf(vectors, vectorTable(simdKernels, vectors, 6, 'float32'))
  for (let seed = 0; seed < 10; seed++) {
    const random = seededRandom(seed)
    const first = firstEntries(vectors, 64, random)
    expect(own).toBeLessThan(0.96 * errorOf(vectors, lloyd(vectors, first)))
  }
})

test('weights draw entries to where they are', () => {
  const x = Float32Array.of(0, 1, 10, 11, 0, 0, 0, 0)
  const weighted = { ...vectorsOf(x, 4), weights: Float32Array.of(100, 100, 0.001, 0.001) }
  const table = vectorTable(simdKernels, weighted, 1, 'float32')
  expect(Math.min(...table)).toBe(0)
  expect(Math.max(...table)).toBeLessThan(1.01)
})

test('few vectors stay exact, and the last entry is repeated', () => {
  const table = vectorTable(
    simdKernels,
    vectorsOf(Float32Array.of(1, 5, 1, 2, 6, 2), 3),
    2,
    'float16',
  )
  const entries = Array.from({ length: 4 }, (_, e) =>
    [...table.subarray(2 * e, 2 * e + 2)].join(' '),
  )
  expect(new Set(entries)).toEqual(new Set(['1 2', '5 6']))
})

test('tiny and huge vectors have the same entries, times a power of two', () => {
  const x = seededWeights(4000, 3)
  const table = vectorTable(simdKernels, vectorsOf(x, 2000), 4, 'float32')
  for (const factor of [2 ** -90, 2 ** 90]) {
    const scaled = x.map((value) => value * factor)
    const found = vectorTable(simdKernels, vectorsOf(scaled, 2000), 4, 'float32')
    expect(found).toEqual(table.map((entry) => entry * factor))
  }
})

test('vectors that are not finite count for nothing', () => {
  const x = Float32Array.of(NaN, 1, 3, Infinity, 2, 2, 4, 0)
  const table = vectorTable(simdKernels, vectorsOf(x, 4), 1, 'float32')
  expect(
    Array.from({ length: 2 }, (_, e) => [...table.subarray(2 * e, 2 * e + 2)].join(' ')).toSorted(),
  ).toEqual(['1 2', '3 4'])
})

function vectorsOf(x: Float32Array, inner: number): Vectors {
  return { x, weights: undefined, size: 2, inner }
}

function errorOf({ x, size, inner }: Vectors, table: Float32Array): number {
  const indices = new Uint8Array(x.length / size)
  simdKernels.nearestVectors(indices, x, table, { size, inner })
  return indices.reduce((sum, index, i) => {
    const a = (x[i] ?? 0) - (table[2 * index] ?? 0)
    const b = (x[inner + i] ?? 0) - (table[2 * index + 1] ?? 0)
    return sum + a * a + b * b
  }, 0)
}

/** Lloyd's algorithm until nothing moves, or 200 passes. */
function lloyd({ x, size, inner }: Vectors, first: Float32Array): Float32Array {
  let table = first
  const indices = new Uint8Array(inner)
  for (let pass = 0; pass < 200; pass++) {
    simdKernels.nearestVectors(indices, x, table, { size, inner })
    const sums = table.map(() => 0)
    const counts = table.map(() => 0)
    for (const [i, index] of indices.entries()) {
      for (let c = 0; c < 2; c++) {
        sums[2 * index + c] = (sums[2 * index + c] ?? 0) + (x[c * inner + i] ?? 0)
        counts[2 * index + c] = (counts[2 * index + c] ?? 0) + 1
      }
    }
    const next = sums.map((sum, i) => (counts[i] === 0 ? (table[i] ?? 0) : sum / (counts[i] ?? 1)))
    if (next.every((value, i) => value === table[i])) break
    table = next
  }
  return table
}
