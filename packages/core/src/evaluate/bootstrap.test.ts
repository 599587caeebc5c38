import { expect, test } from 'vitest'
import { seededRandom } from '../base/seeded-random.ts'
import { bootstrapError, bootstrapInterval } from './bootstrap.ts'
import { pairedDifference } from './paired-difference.ts'
import { perplexity } from './perplexity.ts'

const meanOf =
  (values: readonly number[]) =>
  (weights: Float64Array): number =>
    values.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0) / values.length

test('the generator gives the numbers of mulberry32', () => {
  const random = seededRandom(1)
  // Computed with the published C program for seed 1.
  expect([random(), random()]).toEqual([0.6270739405881613, 0.002735721180215478])
})

test('each draw has as many samples as there are', () => {
  const sizes = new Set<number>()
  bootstrapInterval(7, (weights) => {
    sizes.add(weights.reduce((a, b) => a + b, 0))
    return 0
  })
  expect([...sizes]).toEqual([7])
})

test('the interval of a mean is that of the normal distribution for many samples', () => {
  const random = seededRandom(5)
  const values = Array.from({ length: 2000 }, () => random())
  const interval = bootstrapInterval(values.length, meanOf(values))
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  // The standard deviation of a uniform number is 1 / sqrt(12).
  const half = (1.96 / Math.sqrt(12)) * Math.sqrt(1 / 2000)
  expect(interval?.low).toBeCloseTo(mean - half, 2)
  expect(interval?.high).toBeCloseTo(mean + half, 2)
  expect(bootstrapInterval(values.length, meanOf(values))).toEqual(interval)
})

test('the standard error of a mean is the deviation over the root of the number', () => {
  const values = Array.from({ length: 500 }, (_, i) => i % 2)
  const error = bootstrapError(values.length, meanOf(values), 2000)
  expect(error).toBeCloseTo(0.5 / Math.sqrt(500), 3)
  expect(bootstrapError(1, meanOf([1]), 200)).toBeNull()
})

test('there is no interval of one sample, or of a statistic that is mostly undefined', () => {
  expect(bootstrapInterval(1, () => 1)).toBeNull()
  expect(bootstrapInterval(9, () => null)).toBeNull()
  expect(bootstrapInterval(9, () => Number.NaN)).toBeNull()
})

test('perplexity is the exponential of the mean loss a token, not a window', () => {
  const { value, low, high } = perplexity([
    { nll: Math.log(2) * 3, tokens: 3 },
    { nll: Math.log(8), tokens: 1 },
  ])
  expect(value).toBeCloseTo(2 ** (6 / 4), 12)
  expect(low).toBeCloseTo(2, 12)
  expect(high).toBeCloseTo(8, 12)
})

test('a perplexity that is not finite is null', () => {
  const missing = { value: null, low: null, high: null }
  expect(perplexity([{ nll: Number.NaN, tokens: 2 }])).toEqual(missing)
  expect(perplexity([{ nll: Infinity, tokens: 2 }])).toEqual(missing)
  expect(perplexity([])).toEqual(missing)
  expect(perplexity([{ nll: 0, tokens: 2 }])).toEqual({ value: 1, low: null, high: null })
})

test('a paired change is seen where separate means would hide it', () => {
  const before = Array.from({ length: 200 }, (_, i) => i)
  const after = before.map((value, i) => value + (i % 2 === 0 ? 1 : 0.5))
  const { difference, low, high, samples } = pairedDifference(before, after)
  expect(samples).toBe(200)
  expect(difference).toBeCloseTo(0.75, 12)
  expect(low).toBeGreaterThan(0.7)
  expect(high).toBeLessThan(0.8)
  expect(pairedDifference([1, 2], [1, 2])).toMatchObject({ difference: 0, low: 0, high: 0 })
  expect(() => pairedDifference([1], [1, 2])).toThrow(
    expect.objectContaining({ code: 'invalid-dataset' }),
  )
})
