import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyFloat, firstDifference, seededBits, seededWeights } from '../../test/kernel-values.ts'
import { addEnds, addHistogram, emptyEnds, emptyHistogram, HALF_BINS } from './histogram.ts'
import type { Kernels, RangeHistogram } from './kernels.ts'
import { scalarKernels } from './scalar.ts'
import { loadSimdKernels } from './simd.ts'

/** The bins that are not empty, from zero: -1 is the first one below it. */
function filledBins({ counts }: RangeHistogram): Readonly<Record<string, number>> {
  const filled = [...counts.entries()].filter(([, count]) => count > 0)
  return Object.fromEntries(filled.map(([index, count]) => [String(index - HALF_BINS), count]))
}

function histogramOf(kernels: Kernels, ...parts: readonly Float32Array[]): RangeHistogram {
  const histogram = emptyHistogram()
  for (const part of parts) kernels.addToHistogram(histogram, part)
  return histogram
}

/** Lists that differ by up to 2^250 in size, cut in parts. */
const parts = fc.array(fc.array(anyFloat, { maxLength: 30 }), { minLength: 1, maxLength: 8 })

const arrays = (lists: readonly (readonly number[])[]): readonly Float32Array[] =>
  lists.map((list) => Float32Array.from(list))

describe.for([
  ['scalar', scalarKernels],
  ['SIMD', loadSimdKernels()],
] as const)('%s', ([, kernels]) => {
  // By hand: the largest magnitude m gives bins of 2^(floor(log2 m) - 11).
  test.for([
    { name: '1 falls in bin 2048', x: [1], exponent: -11, bins: { 2048: 1 } },
    { name: 'just below 2 in bin 4095', x: [1.9999999], exponent: -11, bins: { 4095: 1 } },
    { name: '2 doubles the width', x: [2, 1], exponent: -10, bins: { 1024: 1, 2048: 1 } },
    {
      name: 'sides mirror each other',
      x: [1, -1, -(2 ** -20), 2 ** -20],
      exponent: -11,
      bins: { 0: 1, '-1': 1, 2048: 1, '-2049': 1 },
    },
    {
      name: 'a small value below zero stays below',
      x: [-1e-45, -3e38],
      exponent: 116,
      bins: { '-1': 1, '-3612': 1 },
    },
    {
      name: 'zeros and not finite are in no bin',
      x: [0, -0, NaN, Infinity, -Infinity],
      exponent: -126,
      bins: {},
    },
    {
      name: 'tiny values have bins of 2^-126',
      x: [2 ** -126, 2 ** -127],
      exponent: -126,
      bins: { 0: 1, 1: 1 },
    },
    {
      name: 'the width begins to grow at 2^-114',
      x: [2 ** -114, -(2 ** -114)],
      exponent: -125,
      bins: { 2048: 1, '-2049': 1 },
    },
  ])('bins: $name', ({ x, exponent, bins }) => {
    const histogram = histogramOf(kernels, Float32Array.from(x))
    expect(histogram.exponent).toBe(exponent)
    expect(filledBins(histogram)).toEqual(bins)
  })

  test('ends leave out what is not finite and never give -0', () => {
    const ends = kernels.valueEnds(Float32Array.of(-0, NaN, 3, Infinity, -0, -Infinity))
    expect(ends).toStrictEqual({ finite: 3, notFinite: 3, zeros: 2, min: 0, max: 3 })
    const none = { finite: 0, notFinite: 1, zeros: 0, min: Infinity, max: -Infinity }
    expect(kernels.valueEnds(Float32Array.of(NaN))).toStrictEqual(none)
  })

  test('values in any order, in any parts, give the same histogram', () => {
    fc.assert(
      fc.property(parts, fc.infiniteStream(fc.nat()), (lists, picks) => {
        const inParts = histogramOf(kernels, ...arrays(lists))
        const backwards = histogramOf(kernels, ...arrays(lists.toReversed()))
        const keyed = lists.flat().map((value) => ({ value, key: picks.next().value }))
        const shuffled = keyed.toSorted((a, b) => a.key - b.key).map(({ value }) => value)
        expect(backwards).toStrictEqual(inParts)
        expect(histogramOf(kernels, Float32Array.from(shuffled))).toStrictEqual(inParts)
      }),
      { numRuns: 60 },
    )
  })

  test('equals the reference bit for bit on long arrays, as parts and as one', () => {
    for (const length of [2047, 2048, 2049, 65535, 65536, 65543, 200001]) {
      for (const x of [seededWeights(length, length), seededBits(length, length)]) {
        const expected = histogramOf(scalarKernels, x)
        expect(kernels.valueEnds(x)).toStrictEqual(scalarKernels.valueEnds(x))
        const middle = length >> 1
        for (const cut of [[x], [x.subarray(0, middle), x.subarray(middle)]]) {
          const { counts, ...rest } = histogramOf(kernels, ...cut)
          const { counts: expectedCounts, ...expectedRest } = expected
          expect(firstDifference(counts, expectedCounts)).toBe(-1)
          expect(rest).toStrictEqual(expectedRest)
        }
      }
    }
  })

  test('equals the reference where each chunk is larger than the one before', () => {
    const x = Float32Array.from(
      { length: 300000 },
      (_, i) => (((i * 37) % 201) - 100) * 8 ** Math.floor(i / 65536),
    )
    const { counts, ...rest } = histogramOf(kernels, x)
    const { counts: expectedCounts, ...expectedRest } = histogramOf(scalarKernels, x)
    expect(firstDifference(counts, expectedCounts)).toBe(-1)
    expect(rest).toStrictEqual(expectedRest)
  })

  test('a call returns the ends of its own values', () => {
    const histogram = histogramOf(kernels, Float32Array.of(-9, 9))
    const own = { finite: 2, notFinite: 0, zeros: 1, min: 0, max: 1 }
    expect(kernels.addToHistogram(histogram, Float32Array.of(0, 1))).toStrictEqual(own)
    expect(histogram).toMatchObject({ finite: 4, zeros: 1, min: -9, max: 9 })
  })
})

test('bins hold the values that their ends name, and every value is counted once', () => {
  fc.assert(
    fc.property(fc.array(anyFloat, { maxLength: 60 }), (list) => {
      const x = Float32Array.from(list)
      const histogram = histogramOf(scalarKernels, x)
      const width = 2 ** histogram.exponent
      const expected = new Float64Array(2 * HALF_BINS)
      for (const value of x) {
        if (!Number.isFinite(value) || value === 0) continue
        // A quotient of powers of two is exact in float64.
        const bin = value > 0 ? Math.floor(value / width) : Math.ceil(value / width) - 1
        const index = HALF_BINS + bin
        expected[index] = (expected[index] ?? 0) + 1
      }
      expect(firstDifference(histogram.counts, expected)).toBe(-1)
      const binned = histogram.counts.reduce((sum, count) => sum + count, 0)
      expect(binned + histogram.zeros).toBe(histogram.finite)
      expect(histogram.finite + histogram.notFinite).toBe(x.length)
    }),
  )
})

test('histograms merge in any order and grouping to that of all values', () => {
  const merged = (...histograms: readonly RangeHistogram[]): RangeHistogram => {
    const sum = emptyHistogram()
    for (const histogram of histograms) addHistogram(sum, histogram)
    return sum
  }
  fc.assert(
    fc.property(parts, parts, parts, (a, b, c) => {
      const [x, y, z] = [a, b, c].map((lists) => histogramOf(scalarKernels, ...arrays(lists)))
      if (x === undefined || y === undefined || z === undefined) return
      const whole = histogramOf(scalarKernels, ...arrays([...a, ...b, ...c]))
      expect(merged(x, y, z)).toStrictEqual(whole)
      expect(merged(merged(z, y), x)).toStrictEqual(whole)
      expect(merged(z, merged(x, y))).toStrictEqual(whole)
    }),
    { numRuns: 40 },
  )
})

test('counts pass 2^32', () => {
  const histogram = histogramOf(scalarKernels, Float32Array.of(1))
  for (let doubling = 0; doubling < 34; doubling++)
    addHistogram(histogram, structuredClone(histogram))
  scalarKernels.addToHistogram(histogram, Float32Array.of(2))
  expect(histogram).toMatchObject({ finite: 2 ** 34 + 1, exponent: -10 })
  expect(filledBins(histogram)).toEqual({ 1024: 2 ** 34, 2048: 1 })
})

test('a histogram without bins keeps ends, and gives another one only these', () => {
  const ends = emptyEnds()
  addEnds(ends, scalarKernels.valueEnds(Float32Array.of(3, 0, NaN)))
  addEnds(ends, scalarKernels.valueEnds(Float32Array.of(-5)))
  expect(ends).toMatchObject({ finite: 3, notFinite: 1, zeros: 1, min: -5, max: 3 })
  expect(ends.counts).toHaveLength(0)
  const binned = histogramOf(scalarKernels, Float32Array.of(1))
  addHistogram(binned, ends)
  expect(binned).toMatchObject({ finite: 4, min: -5, max: 3, exponent: -9 })
  expect(filledBins(binned)).toEqual({ 512: 1 })
})
