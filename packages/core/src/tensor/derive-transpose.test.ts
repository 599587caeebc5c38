import fc from 'fast-check'
import { expect, test } from 'vitest'

import { swapFirstAxes } from './derive-transpose.ts'
import type { Weight } from './weight.ts'
import { columnsOf } from './weight.ts'

function counting(shape: readonly number[]): Weight {
  const columns = columnsOf(shape)
  return {
    name: 'w',
    dtype: 'float32',
    shape,
    readRows: (start, end) =>
      Promise.resolve(
        Float32Array.from({ length: (end - start) * columns }, (_, i) => start * columns + i),
      ),
  }
}

test('a [2, 3] weight becomes [3, 2], column by column', async () => {
  const swapped = swapFirstAxes(counting([2, 3]))
  expect(swapped.shape).toEqual([3, 2])
  expect([...(await swapped.readRows(0, 3))]).toEqual([0, 3, 1, 4, 2, 5])
  expect([...(await swapped.readRows(1, 2))]).toEqual([1, 4])
})

test('a kernel keeps its order under the exchanged channels', async () => {
  const swapped = swapFirstAxes(counting([2, 3, 1, 2]))
  expect(swapped.shape).toEqual([3, 2, 1, 2])
  expect([...(await swapped.readRows(2, 3))]).toEqual([4, 5, 10, 11])
})

test('exchanging twice gives the weight back, read in any pieces', async () => {
  const size = fc.integer({ min: 1, max: 7 })
  await fc.assert(
    fc.asyncProperty(size, size, size, fc.integer({ min: 1, max: 7 }), async (a, b, c, step) => {
      const source = counting([a, b, c])
      const twice = swapFirstAxes(swapFirstAxes(source))
      const pieces: number[] = []
      for (let row = 0; row < a; row += step) {
        pieces.push(...(await twice.readRows(row, Math.min(a, row + step))))
      }
      expect(pieces).toEqual([...(await source.readRows(0, a))])
    }),
  )
})
