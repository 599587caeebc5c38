import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  anyFloat,
  firstDifference,
  seededBits,
  seededIntegers,
  seededWeights,
} from '../../test/kernel-values.ts'
import { nearestEntries } from './nearest-entries.ts'
import { loadSimdKernels } from './simd.ts'

const simdKernels = loadSimdKernels()

// By hand.
test.for([
  { name: 'of equally near entries the first', table: [0, 1, 2], x: [0.5, 1.5], indices: [0, 1] },
  { name: 'of equal entries the first', table: [0, 1, 1], x: [1, 0.9], indices: [1, 1] },
  {
    name: 'beyond the ends',
    table: [-1, 1],
    x: [-9, 9, Infinity, -Infinity],
    indices: [0, 1, 1, 0],
  },
  { name: 'NaN is 0', table: [-4, -0.5, 1, 3], x: [NaN], indices: [1] },
  { name: 'a float32 just above the middle', table: [0, 1], x: [0.5 + 2 ** -24], indices: [1] },
  { name: 'one entry', table: [5], x: [-1, NaN, 9], indices: [0, 0, 0] },
  { name: 'tiny entries', table: [1e-44, 3e-44], x: [1e-44, 2.9e-44], indices: [0, 1] },
  { name: 'huge entries', table: [-3e38, 3e38], x: [-1, 1, 3e38], indices: [0, 1, 1] },
])('nearestEntries: $name', ({ table, x, indices }) => {
  for (const find of [nearestEntries, simdKernels.nearestEntries]) {
    const out = new Uint8Array(x.length)
    find(out, Float32Array.from(x), Float32Array.from(table))
    expect([...out]).toEqual(indices)
  }
})

test('no entry is nearer than the one that is found', () => {
  const finite = anyFloat.filter(Number.isFinite)
  const tables = fc.array(finite, { minLength: 1, maxLength: 20 })
  const values = fc.array(finite, { maxLength: 40 })
  fc.assert(
    fc.property(tables, values, (entries, list) => {
      const table = Float32Array.from(entries).toSorted()
      // Every entry and every middle is tried too.
      const middles = Array.from(table, (entry, i) => (entry + (table[i + 1] ?? entry)) / 2)
      const x = Float32Array.from([...list, ...table, ...middles])
      const out = new Uint8Array(x.length)
      nearestEntries(out, x, table)
      for (const [i, value] of x.entries()) {
        const distances = Array.from(table, (entry) => Math.abs(value - entry))
        const index = out[i] ?? -1
        // Doubles cannot tell ties apart whose entries differ by more than 2^53.
        expect(distances[index]).toBeLessThanOrEqual(Math.min(...distances) * (1 + 2 ** -50))
        expect(table.indexOf(table[index] ?? NaN)).toBe(index)
      }
    }),
    { numRuns: 300 },
  )
})

test('SIMD equals the reference at every length and size of table', () => {
  const lengths = [...Array.from({ length: 71 }, (_, i) => i), 65535, 65537]
  for (const [i, length] of lengths.entries()) {
    const next = seededIntegers(length)
    const entries = 1 + ((i * 37) % 256)
    const table = Float32Array.from({ length: entries }, () => (next() / 2 ** 32 - 0.5) / 8)
    table.sort()
    for (const x of [seededWeights(length, length), seededBits(length, length)]) {
      const out = new Uint8Array(length)
      const expected = new Uint8Array(length)
      simdKernels.nearestEntries(out, x, table)
      nearestEntries(expected, x, table)
      expect(firstDifference(out, expected)).toBe(-1)
    }
  }
})

test('tables that are empty, too long, not ascending or not finite are refused', () => {
  const tables = [[], Array.from({ length: 257 }, (_, i) => i), [1, 0], [0, NaN], [0, Infinity]]
  for (const table of tables) {
    for (const find of [nearestEntries, simdKernels.nearestEntries]) {
      expect(() => find(new Uint8Array(1), new Float32Array(1), Float32Array.from(table))).toThrow(
        TypeError,
      )
    }
  }
})
