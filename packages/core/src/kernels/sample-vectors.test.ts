import { expect, test } from 'vitest'
import { seededWeights } from '../../test/kernel-values.ts'
import { sampleVectors } from './sample-vectors.ts'

test('all vectors in one row when there are few', () => {
  // Rows of two vectors: (1, 3), (2, 4) and (5, NaN), (6, 8).
  const x = Float32Array.of(1, 2, 3, 4, 5, 6, NaN, 8)
  const sample = sampleVectors({ x, weights: undefined, size: 2, inner: 2 }, 9)
  expect(sample).toEqual({
    x: Float32Array.of(1, 2, 6, 3, 4, 8),
    weights: Float32Array.of(1, 1, 1),
    size: 2,
    inner: 3,
  })
})

test('a sample stands for all: its weights sum to theirs, and its squares too', () => {
  const x = seededWeights(200000, 3)
  // A few far vectors, which an even sample would miss or count too much.
  for (let i = 0; i < 5; i++) x[i * 20011] = 7
  const sample = sampleVectors({ x, weights: undefined, size: 2, inner: 100000 }, 2000)
  expect(sample.inner).toBeGreaterThan(1000)
  expect(sample.inner).toBeLessThanOrEqual(2000)
  const weights = [...(sample.weights ?? [])]
  expect(weights.reduce((sum, weight) => sum + weight, 0) / 100000).toBeCloseTo(1, 1)
  const squares = weights.reduce(
    (sum, w, i) => sum + w * ((sample.x[i] ?? 0) ** 2 + (sample.x[sample.inner + i] ?? 0) ** 2),
    0,
  )
  const all = x.reduce((sum, value) => sum + value ** 2, 0)
  expect(squares / all).toBeCloseTo(1, 1)
  expect(sample.x.filter((value) => value === 7).length).toBeGreaterThanOrEqual(5)
})

test('what has no weight is never drawn', () => {
  const x = Float32Array.of(1, 2, 3, 4)
  const weights = Float32Array.of(0, 1, 0, 2)
  const sample = sampleVectors({ x, weights, size: 1, inner: 2 }, 9)
  expect([...sample.x]).toEqual([2, 4])
  expect([...(sample.weights ?? [])]).toEqual([1, 2])
})
