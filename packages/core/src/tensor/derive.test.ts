import fc from 'fast-check'
import { expect, test } from 'vitest'

import { float32Weight } from '../../test/helpers/weights.ts'
import { channelsFirst, reshaped, rowSlice } from './derive.ts'
import { rowsOf, type Weight } from './weight.ts'

const oneToTwelve = Array.from({ length: 12 }, (_, i) => i + 1)

const valuesOf = async (
  weight: Weight,
  start = 0,
  end = rowsOf(weight.shape),
): Promise<number[]> => [...(await weight.readRows(start, end))]

test.for([
  { from: [3, 4], to: [12] },
  { from: [3, 4], to: [2, 6] },
  { from: [12], to: [4, 3, 1] },
  { from: [1, 1, 12], to: [12, 1, 1] },
  { from: [], to: [1], values: [5] },
])('$from becomes $to with the same values at any rows', async ({ from, to, values }) => {
  const all = values ?? oneToTwelve
  const weight = reshaped(float32Weight('w', from, all), to)
  const rows = rowsOf(to)
  const columns = all.length / rows
  for (let start = 0; start <= rows; start++) {
    for (let end = start; end <= rows; end++) {
      const expected = all.slice(start * columns, end * columns)
      expect(await valuesOf(weight, start, end)).toEqual(expected)
      const stored = await weight.readStoredRows?.(start, end)
      expect([...new Float32Array(stored?.slice().buffer ?? new ArrayBuffer(0))]).toEqual(expected)
    }
  }
})

test('a shape with another number of elements is refused', () => {
  expect(() => reshaped(float32Weight('w', [2], [1, 2]), [3])).toThrow(TypeError)
})

// By hand: two filters of 1 x 3 taps over 2 channels; taps of a channel come together.
test('channelsFirst turns (out, height, width, in) into (out, in, height, width)', async () => {
  const weight = channelsFirst(float32Weight('w', [2, 1, 3, 2], oneToTwelve))
  expect(weight.shape).toEqual([2, 2, 1, 3])
  expect(await valuesOf(weight)).toEqual([1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 12])
  expect(await valuesOf(weight, 1, 2)).toEqual([7, 9, 11, 8, 10, 12])
  expect(weight.readStoredRows).toBeUndefined()
})

test('channelsFirst keeps every value at its filter, tap and channel', async () => {
  const size = fc.integer({ min: 1, max: 4 })
  await fc.assert(
    fc.asyncProperty(size, size, size, size, async (out, height, width, channels) => {
      const values = Array.from({ length: out * height * width * channels }, (_, i) => i)
      const moved = await valuesOf(
        channelsFirst(float32Weight('w', [out, height, width, channels], values)),
      )
      for (const [i, value] of moved.entries()) {
        const tap = i % (height * width)
        const channel = Math.floor(i / (height * width)) % channels
        const filter = Math.floor(i / (height * width * channels))
        expect(value).toBe((filter * height * width + tap) * channels + channel)
      }
    }),
    { numRuns: 50 },
  )
})

test('rowSlice reads rows of its source', async () => {
  const weight = rowSlice(float32Weight('w', [4, 3], oneToTwelve), 1, 3)
  expect(weight.shape).toEqual([2, 3])
  expect(await valuesOf(weight)).toEqual([4, 5, 6, 7, 8, 9])
  expect((await weight.readStoredRows?.(1, 2))?.length).toBe(12)
  expect(() => rowSlice(weight, 1, 3)).toThrow(TypeError)
})
