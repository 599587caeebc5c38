import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenLoss } from './token-loss.ts'
import { textWindows } from './windows.ts'

// By hand from the loop of Hugging Face's guide: each window scores what no window before it had.
test.for([
  {
    name: 'apart',
    ids: [1, 2, 3, 4, 5],
    length: 2,
    stride: 2,
    windows: [
      [[1, 2], 1],
      [[3, 4], 1],
    ],
  },
  {
    name: 'overlapping',
    ids: [1, 2, 3, 4, 5],
    length: 4,
    stride: 2,
    windows: [
      [[1, 2, 3, 4], 3],
      [[3, 4, 5], 1],
    ],
  },
  { name: 'longer than the text', ids: [1, 2], length: 9, stride: 9, windows: [[[1, 2], 1]] },
  { name: 'of one token', ids: [1], length: 4, stride: 4, windows: [] },
  { name: 'of nothing', ids: [], length: 4, stride: 4, windows: [] },
])('windows $name', ({ ids, length, stride, windows }) => {
  expect(textWindows(ids, length, stride).map((each) => [each.ids, each.scored])).toEqual(windows)
})

test('with overlap each token but the first is scored once, with at least the context of its window', () => {
  const sizes = fc.tuple(
    fc.nat(60),
    fc.integer({ min: 2, max: 12 }),
    fc.integer({ min: 1, max: 11 }),
  )
  fc.assert(
    fc.property(sizes, ([tokens, length, step]) => {
      const stride = Math.min(step, length - 1)
      const ids = Array.from({ length: tokens }, (_, id) => id)
      const scored = textWindows(ids, length, stride).flatMap((each) =>
        each.ids.slice(each.ids.length - each.scored),
      )
      expect(scored).toEqual(ids.slice(1))
    }),
  )
})

test('the loss of a token is minus the logarithm of its softmax', () => {
  const logits = Float32Array.of(0, Math.log(3), 7, 7, 0, 0)
  const { nll, tokens } = tokenLoss(logits, 2, [0, 1, 0], 2)
  expect(tokens).toBe(2)
  expect(nll).toBeCloseTo(-Math.log(3 / 4) - Math.log(1 / 2), 6)
  expect(tokenLoss(logits, 2, [0, 1, 0], 1).nll).toBeCloseTo(Math.log(2), 6)
})

test('large logits do not overflow; NaN and impossible tokens show', () => {
  expect(tokenLoss(Float32Array.of(1e30, 1e30), 2, [0, 1], 1).nll).toBeCloseTo(Math.log(2), 6)
  expect(tokenLoss(Float32Array.of(Number.NaN, 0), 2, [0, 1], 1).nll).toBeNaN()
  expect(tokenLoss(Float32Array.of(0, -Infinity), 2, [0, 1], 1).nll).toBe(Infinity)
})
