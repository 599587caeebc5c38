import fc from 'fast-check'
import { expect, test } from 'vitest'

import { float32Weight } from '../../test/helpers/weights.ts'
import { type BatchNorm, foldBatchNorm } from './derive-batch-norm.ts'

const norm = (gamma: number[], beta: number[], mean: number[], variance: number[]): BatchNorm => ({
  gamma: float32Weight('gamma', [gamma.length], gamma),
  beta: float32Weight('beta', [beta.length], beta),
  mean: float32Weight('mean', [mean.length], mean),
  variance: float32Weight('variance', [variance.length], variance),
  epsilon: 0.25,
})

// By hand: the roots are sqrt(3.75 + 0.25) = 2 and sqrt(0.75 + 0.25) = 1.
test('a batch norm is folded row by row', async () => {
  const weight = float32Weight('conv.weight', [2, 1, 1, 2], [1, 2, 3, 4])
  const bias = float32Weight('conv.bias', [2], [10, 20])
  const statistics = norm([4, -1], [0.5, 0], [1, 2], [3.75, 0.75])
  const withBias = foldBatchNorm(weight, bias, statistics)
  expect([...(await withBias.weight.readRows(0, 2))]).toEqual([2, 4, -3, -4])
  expect([...(await withBias.weight.readRows(1, 2))]).toEqual([-3, -4])
  expect([...(await withBias.bias.readRows(0, 2))]).toEqual([18.5, -18])
  const without = foldBatchNorm(weight, undefined, statistics)
  expect([...(await without.bias.readRows(0, 2))]).toEqual([-1.5, 2])
  expect(without.bias).toMatchObject({ name: 'conv.bias', shape: [2] })
})

test('a negative variance gives NaN, not zero', async () => {
  const weight = float32Weight('conv.weight', [1, 1], [1])
  const folded = foldBatchNorm(weight, undefined, norm([1], [0], [0], [-1]))
  expect(await folded.weight.readRows(0, 1)).toEqual(new Float32Array([NaN]))
})

test('the folded convolution of one tap equals convolution then normalisation', async () => {
  const value = fc.float({ min: -8, max: 8, noNaN: true })
  const variance = fc.float({ min: 0, max: 8, noNaN: true })
  await fc.assert(
    fc.asyncProperty(value, value, value, value, variance, value, async (w, g, b, m, v, x) => {
      const folded = foldBatchNorm(
        float32Weight('weight', [1, 1], [w]),
        undefined,
        norm([g], [b], [m], [v]),
      )
      const [weight = NaN] = await folded.weight.readRows(0, 1)
      const [bias = NaN] = await folded.bias.readRows(0, 1)
      const expected = ((w * x - m) / Math.sqrt(v + 0.25)) * g + b
      const scale = Math.abs(expected) + Math.abs(weight * x) + Math.abs(bias) + 1e-30
      expect(Math.abs(weight * x + bias - expected) / scale).toBeLessThan(2e-7)
    }),
  )
})
