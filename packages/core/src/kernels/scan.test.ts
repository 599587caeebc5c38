import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyFloat, seededBits, seededWeights } from '../../test/kernel-values.ts'
import { errorSums, mergeErrors } from './error-sums.ts'
import type { ValueScan } from './kernels.ts'
import { EMPTY_SCAN, histogram, mergeScans, scanHalves, scanValues } from './scan.ts'
import { loadSimdKernels } from './simd.ts'

test('a scan counts, sums and finds the ends of the finite values', () => {
  const scan = scanValues(Float32Array.of(1, -2, 0, NaN, 3, -Infinity), 6)
  expect(scan).toEqual({
    finite: 4,
    notFinite: 2,
    zeros: 1,
    min: -2,
    max: 3,
    sum: 2,
    sumSquares: 14,
    smallestGroup: 3,
  })
})

test('runs of 16 do not cross rows, and all-zero runs do not count', () => {
  // Two rows of 40: runs of 16 and 24; the largest magnitudes are 5, 0.5, 0 and 2.
  const x = new Float32Array(80)
  x[15] = -5
  x[39] = 0.5
  x[79] = 2
  expect(scanValues(x, 40).smallestGroup).toBe(0.5)
  x[16] = 4
  expect(scanValues(x, 40).smallestGroup).toBe(2)
  expect(scanValues(new Float32Array(80), 40).smallestGroup).toBeNull()
})

test('parts of whole rows join to the scan of the whole', () => {
  const rows = fc.array(fc.array(anyFloat, { minLength: 5, maxLength: 5 }), { maxLength: 12 })
  fc.assert(
    fc.property(rows, fc.nat(12), (list, cut) => {
      const x = Float32Array.from(list.flat())
      const split = Math.min(cut, list.length) * 5
      const joined = mergeScans(
        scanValues(x.subarray(0, split), 5),
        scanValues(x.subarray(split), 5),
      )
      const whole = scanValues(x, 5)
      // Sums may round otherwise when they are joined.
      const { sum, sumSquares, ...exact } = joined
      expect(whole).toMatchObject(exact)
      expect(Math.abs(whole.sum - sum)).toBeLessThanOrEqual(1e-12 * Math.sqrt(60 * sumSquares))
      expect(Math.abs(whole.sumSquares - sumSquares)).toBeLessThanOrEqual(1e-12 * sumSquares)
      expect(mergeScans(EMPTY_SCAN, whole)).toEqual(whole)
    }),
  )
})

test('a scan says 0 for -0, and adds by the place in the row modulo 4', () => {
  expect(scanValues(Float32Array.of(-0), 1)).toMatchObject({ min: 0, max: 0, zeros: 1 })
  // 2^60 and the ones that follow lie in other parts, so no one is lost before the end.
  const big = Float32Array.of(2 ** 60, 1, 1, 1, -(2 ** 60), 1, 1, 1)
  expect(scanValues(big, 8).sum).toBe(6)
})

describe('the scan in SIMD', () => {
  const simd = loadSimdKernels()
  /** What the two scans of rows of so many values do not agree on. */
  const differences = (x: Float32Array, cols: number): readonly unknown[] => {
    const scan = new Map<string, unknown>(Object.entries(simd.scanValues(x, cols)))
    const expected: ValueScan = scanValues(x, cols)
    return Object.entries(expected)
      .filter(([key, value]) => !Object.is(scan.get(key), value))
      .map(([key, value]) => ({ cols, key, value, simd: scan.get(key) }))
  }

  test('equals the reference bit for bit, for rows of every length', () => {
    for (let cols = 1; cols <= 70; cols++) {
      expect(differences(seededBits(3 * cols, cols), cols)).toEqual([])
      expect(differences(seededWeights(2 * cols, cols), cols)).toEqual([])
      expect(differences(new Float32Array(cols), cols)).toEqual([])
    }
    expect(differences(new Float32Array(0), 1)).toEqual([])
  })

  test('equals it for rows around the length of what is in memory at once', () => {
    for (const cols of [65_520, 65_535, 65_536, 65_537, 65_551, 65_552, 65_553, 131_080]) {
      const x = seededBits(2 * cols, cols)
      // A tiny run at the end of a row is met whole.
      x.fill(2 ** -120, cols - 9, cols)
      expect(differences(x, cols)).toEqual([])
    }
    expect(differences(seededWeights(70_000, 1), 7)).toEqual([])
  })

  test('of halves equals that of the values', () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i)
    for (const cols of [1, 31, 64, 65_536]) {
      const some = bits.subarray(0, bits.length - (bits.length % cols))
      expect(simd.scanHalves(some, cols)).toEqual(scanHalves(some, cols))
    }
    expect(scanHalves(bits, 64)).toMatchObject({ min: -65504, max: 65504, zeros: 2 })
    expect(scanHalves(bits, 64).notFinite).toBe(2 * 1024)
  })
})

// By hand: four bins over [0, 4].
test.for([
  { name: 'each bin holds its lower end, the last both', x: [0, 1, 2, 3, 4], counts: [1, 1, 1, 2] },
  { name: 'what lies outside falls in the end bins', x: [-9, 9], counts: [1, 0, 0, 1] },
  { name: 'what is not finite is left out', x: [NaN, Infinity, 1.5], counts: [0, 1, 0, 0] },
])('histogram: $name', ({ x, counts }) => {
  const out = new Uint32Array(4)
  histogram(out, Float32Array.from(x), 0, 4)
  expect([...out]).toEqual(counts)
})

test('a histogram of one value puts all in the first bin, and counts add up', () => {
  const out = new Uint32Array(64)
  histogram(out, Float32Array.of(2, 2), 2, 2)
  histogram(out, Float32Array.of(2), 2, 2)
  expect(out[0]).toBe(3)
})

test('errorSums leaves out pairs that are not finite', () => {
  const x = Float32Array.of(1, 2, NaN, 4, Infinity)
  const y = Float32Array.of(1.5, 0, 3, Infinity, Infinity)
  expect(errorSums(x, y)).toEqual({ squaredError: 4.25, squaredSignal: 5, maxAbsError: 2 })
})

test('the sums of two parts join', () => {
  const a = errorSums(Float32Array.of(1), Float32Array.of(3))
  const b = errorSums(Float32Array.of(2), Float32Array.of(1))
  expect(mergeErrors(a, b)).toEqual({ squaredError: 5, squaredSignal: 5, maxAbsError: 2 })
})
