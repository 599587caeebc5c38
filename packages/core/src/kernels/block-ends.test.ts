import { expect, test } from 'vitest'
import { blockEnds, mergeBlockEnds } from './block-ends.ts'

const X = Float32Array.of(1, -2, 3, NaN, -5, 6, 0.5, -Infinity, 9, -10, 11, Infinity)

// By hand, of X as 3 x 4.
test('the ends of a block are those of its finite values, and 0', () => {
  expect(blockEnds(X, [3, 4], [3, 4])).toEqual({
    low: Float32Array.of(-10),
    high: Float32Array.of(11),
  })
  expect(blockEnds(X, [3, 4], [3, 1])).toEqual({
    low: Float32Array.of(-5, -10, 0, 0),
    high: Float32Array.of(9, 6, 11, 0),
  })
  expect(blockEnds(X, [3, 4], [1, 2])).toEqual({
    low: Float32Array.of(-2, 0, -5, 0, -10, 0),
    high: Float32Array.of(1, 3, 6, 0.5, 9, 11),
  })
})

test('ends of rows are merged to those of all', () => {
  const parts = [X.subarray(0, 4), X.subarray(4)].map((part) =>
    blockEnds(part, [part.length / 4, 4], [part.length / 4, 1]),
  )
  const [first, second] = parts
  if (first === undefined || second === undefined) throw new TypeError('there are two')
  expect(mergeBlockEnds(first, second)).toEqual(blockEnds(X, [3, 4], [3, 1]))
})

test('many runs are told to their blocks as few are', () => {
  const [rows, columns] = [40, 300]
  const x = Float32Array.from({ length: rows * columns }, (_, i) => ((i * 7919) % 1000) - 500)
  const { low, high } = blockEnds(x, [rows, columns], [rows, 1])
  for (let column = 0; column < columns; column++) {
    const own = Array.from({ length: rows }, (_, row) => x[row * columns + column] ?? 0)
    expect([low[column], high[column]]).toEqual([Math.min(0, ...own), Math.max(0, ...own)])
  }
})
