import { expect, test } from 'vitest'
import {
  INT8,
  measuredError,
  seededNormal,
  summaryOfBatches,
  SYMMETRIC_INT8,
  UINT8,
} from '../../../test/range-values.ts'
import { addHistogram } from '../../kernels/histogram.ts'
import { mseRange } from './mse.ts'
import type { ActivationSpec } from './quant-params.ts'
import { quantParamsFor } from './quant-params.ts'
import type { ValueRange } from './value-range.ts'

const VALUES = 4000
const normal = seededNormal(2 * VALUES, 23)
const make = (value: (x: number, other: number, i: number) => number): Float32Array =>
  Float32Array.from({ length: VALUES }, (_, i) => value(normal[i] ?? 0, normal[VALUES + i] ?? 0, i))

const DISTRIBUTIONS = [
  { name: 'normal', x: make((x) => x) },
  { name: 'after Relu', x: make((x) => Math.max(0, x)) },
  { name: 'after Silu', x: make((x) => (2 * x) / (1 + Math.exp(-2 * x))) },
  { name: 'shifted', x: make((x) => x + 5) },
  { name: 'negative', x: make((x) => -Math.exp(x)) },
  { name: 'heavy tails', x: make((x, other) => x / Math.max(0.02, Math.abs(other))) },
  { name: 'two outliers', x: make((x, _, i) => (i === 7 ? -37 : i === 99 ? 40 : x)) },
  { name: 'two groups', x: make((x, other) => (other < 0 ? x / 10 - 3 : x / 10 + 9)) },
]

/** The best error of clips by a fine grid on each end, on the values themselves. */
function bruteForce(x: Float32Array, spec: ActivationSpec): number {
  const whole = { min: Math.min(0, ...x), max: Math.max(0, ...x) }
  const error = (range: ValueRange): number => measuredError(x, quantParamsFor(range, spec), spec)
  const parts = Array.from({ length: 28 }, (_, i) => 0.84 ** i)
  const lows = whole.min < 0 && !spec.symmetric ? parts : [1]
  const highs = whole.max > 0 || spec.symmetric ? parts : [1]
  const largest = Math.max(-whole.min, whole.max)
  const all = lows.flatMap((low) =>
    highs.map((high) =>
      spec.symmetric
        ? { min: 0, max: largest * high }
        : { min: whole.min * low, max: whole.max * high },
    ),
  )
  return Math.min(...all.map(error))
}

test.for(
  DISTRIBUTIONS.flatMap((one) =>
    [UINT8, INT8, SYMMETRIC_INT8].map((spec) => ({
      ...one,
      spec,
      dtype: `${spec.symmetric ? 'symmetric ' : ''}${spec.dtype}`,
    })),
  ),
)('no clip of a grid has a smaller error on the values: $name, $dtype', ({ x, spec }) => {
  const range = mseRange(summaryOfBatches(x), spec)
  const error = measuredError(x, quantParamsFor(range, spec), spec)
  // The values in a bin are not quite spread evenly.
  expect(error).toBeLessThanOrEqual(bruteForce(x, spec) * 1.01)
  expect(range.min).toBeGreaterThanOrEqual(Math.min(0, ...x))
  expect(range.max).toBeLessThanOrEqual(Math.max(0, ...x))
})

test('an outlier is clipped where that pays, though the way there is uphill', () => {
  const { histogram } = summaryOfBatches(make((_, other) => Math.tanh(other) / 2))
  for (let doubling = 0; doubling < 13; doubling++) {
    addHistogram(histogram, structuredClone(histogram))
  }
  addHistogram(histogram, summaryOfBatches([1000]).histogram)
  // By hand: with a clip of 127 or more, all 33 million values within +-0.5 become 0, which costs
  // more than 10^6; clipping the outlier altogether costs 10^6, and clipping it a little only adds.
  const { max } = mseRange({ histogram, moving: null }, SYMMETRIC_INT8)
  expect(max).toBeLessThan(127)
})

test('values that lie on the codes are not clipped', () => {
  const integers = Float32Array.from({ length: 2560 }, (_, i) => i % 256)
  expect(mseRange(summaryOfBatches(integers), UINT8)).toEqual({ min: 0, max: 255 })
})

test.for([
  { name: 'no value', x: [NaN, Infinity], range: { min: 0, max: 0 } },
  { name: 'only zeros', x: [0, -0], range: { min: 0, max: 0 } },
  { name: 'a single value', x: [3, 3], range: { min: 0, max: 3 } },
  { name: 'a single negative value', x: [-0.75], range: { min: -0.75, max: 0 } },
])('mse: $name', ({ x, range }) => {
  expect(mseRange(summaryOfBatches(x), UINT8)).toStrictEqual(range)
})
