import { expect, test } from 'vitest'
import {
  measuredError,
  seededNormal,
  summaryOfBatches,
  SYMMETRIC_INT8,
  UINT8,
} from '../../../test/range-values.ts'
import { entropyRange } from './entropy.ts'
import type { ActivationSpec } from './quant-params.ts'
import { quantParamsFor } from './quant-params.ts'

/** Some values lie far outside, so that clipping weighs. */
const HEAVY = seededNormal(20000, 14).map((x, i) => (i % 50 === 0 ? 6 * x : x))

/** KL(P || Q) bin by bin, as the definition reads. */
function divergence(counts: readonly number[], start: number, end: number, levels: number): number {
  const inside = counts.slice(start, end)
  const p = [...inside]
  const sum = (list: readonly number[]): number => list.reduce((total, count) => total + count, 0)
  p[0] = (p[0] ?? 0) + sum(counts.slice(0, start))
  p[p.length - 1] = (p.at(-1) ?? 0) + sum(counts.slice(end))
  const q = inside.map(() => 0)
  for (let level = 0; level < levels; level++) {
    const from = Math.floor((level * inside.length) / levels)
    const to = Math.floor(((level + 1) * inside.length) / levels)
    const filled = p.slice(from, to).filter((count) => count > 0).length
    for (let i = from; i < to; i++) {
      if ((p[i] ?? 0) > 0) q[i] = sum(inside.slice(from, to)) / filled
    }
  }
  const [total, kept] = [sum(p), sum(q)]
  return sum(
    p.map((count, i) =>
      count > 0 ? (count / total) * Math.log(count / total / ((q[i] ?? 0) / kept)) : 0,
    ),
  )
}

/** The divergence of a threshold given in bins, from the values themselves. */
function divergenceByThreshold(
  x: Float32Array,
  width: number,
  { symmetric }: ActivationSpec,
): (half: number) => number {
  const counts = Array.from({ length: 8192 }, () => 0)
  for (const value of symmetric ? x.map(Math.abs) : x) {
    const bin = value > 0 ? Math.floor(value / width) : -1 - Math.floor(-value / width)
    counts[4096 + bin] = (counts[4096 + bin] ?? 0) + 1
  }
  const first = Math.min(
    4096,
    counts.findIndex((count) => count > 0),
  )
  const filled = counts.slice(first, 1 + counts.findLastIndex((count) => count > 0))
  const zero = 4096 - first
  return (half) => {
    const start = Math.max(0, zero - half)
    const end = Math.min(filled.length, zero + half)
    return divergence(filled, start, end, symmetric ? 128 : 255)
  }
}

test.for([
  { name: 'normal, uint8', x: seededNormal(30000, 11), spec: UINT8 },
  { name: 'normal, symmetric int8', x: seededNormal(30000, 12), spec: SYMMETRIC_INT8 },
  { name: 'skewed, uint8', x: seededNormal(30000, 13).map((v) => Math.exp(v) - 1), spec: UINT8 },
  { name: 'heavy tails, uint8', x: HEAVY, spec: UINT8 },
  { name: 'heavy tails, symmetric int8', x: HEAVY, spec: SYMMETRIC_INT8 },
])('the threshold is that with the smallest divergence: $name', ({ x, spec }) => {
  const summary = summaryOfBatches(x)
  const width = 2 ** summary.histogram.exponent
  const of = divergenceByThreshold(x, width, spec)
  const largest = Math.max(...x.map(Math.abs))
  let [best, smallest] = [0, Infinity]
  for (
    let half = Math.floor(largest / width) + 1;
    half >= 128;
    half = Math.min(half - 1, Math.ceil(half * 0.995))
  ) {
    // Less a little, so that rounding does not make a smaller threshold of the same divergence win.
    if (of(half) < smallest - 1e-12) [best, smallest] = [half, of(half)]
  }
  const { min, max } = entropyRange(summary, spec)
  expect(max).toBe(Math.min(best * width, Math.max(...x)))
  expect(min).toBe(Math.max(-best * width, Math.min(...x)))
})

test('two outliers do not make entropy a no-op', () => {
  // Normal values, and one each at -37 and 40: ONNX Runtime's default keeps (-37, 40).
  const core = seededNormal(100000, 17)
  const x = Float32Array.from([...core, -37, 40])
  const batches = Array.from({ length: 10 }, (_, i) => x.slice(i * 10001, (i + 1) * 10001))
  const decibels = (spec: ActivationSpec): number => {
    const range = entropyRange(summaryOfBatches(...batches), spec)
    expect(range).toEqual(entropyRange(summaryOfBatches(...batches.toReversed()), spec))
    expect(Math.max(-range.min, range.max)).toBeGreaterThan(3)
    expect(Math.max(-range.min, range.max)).toBeLessThan(5.5)
    return -10 * Math.log10(measuredError(core, quantParamsFor(range, spec), spec))
  }
  // Without the two, 21.2 dB with (-37, 40).
  expect(decibels(UINT8)).toBeGreaterThan(38.6)
  expect(decibels(SYMMETRIC_INT8)).toBeGreaterThan(38.6)
})

test.for([
  { name: 'no value', x: [NaN], range: { min: 0, max: 0 } },
  { name: 'only zeros', x: [0, 0], range: { min: 0, max: 0 } },
  { name: 'a single value', x: [3, 3, 3], range: { min: 0, max: 3 } },
  { name: 'a single negative value', x: [-3], range: { min: -3, max: 0 } },
  {
    name: 'values too small for enough bins',
    x: [1e-36, 3e-37],
    range: { min: 0, max: Math.fround(1e-36) },
  },
])('entropy: $name', ({ x, range }) => {
  expect(entropyRange(summaryOfBatches(x), UINT8)).toStrictEqual(range)
  expect(entropyRange(summaryOfBatches(x), SYMMETRIC_INT8)).toStrictEqual(range)
})

test('exact zeros change nothing', () => {
  const x = seededNormal(5000, 19).map(Math.abs)
  const withZeros = Float32Array.from([...x, ...Array.from({ length: 50000 }, () => 0)])
  expect(entropyRange(summaryOfBatches(withZeros), UINT8)).toEqual(
    entropyRange(summaryOfBatches(x), UINT8),
  )
})
