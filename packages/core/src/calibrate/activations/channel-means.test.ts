import { expect, test } from 'vitest'

import { addToChannels, channelMeans, mergeChannels } from './channel-means.ts'

const x = Float32Array.of(1, 2, 3, 4, 10, 20, 30, 40)

test.for([
  { name: 'of one picture', shape: [1, 2, 4], axis: 'second', sums: [2.5, 25], count: 1 },
  { name: 'of two pictures', shape: [2, 2, 2], axis: 'second', sums: [16.5, 38.5], count: 2 },
  { name: 'of rows', shape: [1, 4, 2], axis: 'last', sums: [44, 66], count: 4 },
  { name: 'of one row', shape: [8], axis: 'last', sums: [...x], count: 1 },
] as const)('channels $name', ({ shape, axis, sums, count }) => {
  const seen = addToChannels(null, x, shape, axis)
  expect([...(seen?.sums ?? [])]).toEqual(sums)
  expect(seen?.count).toBe(count)
})

test('a picture counts once, whatever its size; so does a row', () => {
  const small = addToChannels(null, Float32Array.of(2), [1, 1, 1, 1], 'second')
  const large = addToChannels(small, new Float32Array(100).fill(4), [1, 1, 10, 10], 'second')
  expect(channelMeans(large)).toEqual([3])
  const short = addToChannels(null, Float32Array.of(2), [1, 1, 1], 'last')
  const long = addToChannels(null, Float32Array.of(4, 4, 4), [1, 3, 1], 'last')
  expect(channelMeans(mergeChannels(short, long))).toEqual([3.5])
})

test('no values, other channels and numbers that are not finite give no means', () => {
  const one = addToChannels(null, Float32Array.of(1), [1, 1], 'last')
  expect(addToChannels(null, new Float32Array(0), [1, 0, 4], 'second')).toBeNull()
  expect(addToChannels(one, Float32Array.of(1, 2), [1, 2], 'last')).toBeNull()
  expect(channelMeans(null)).toBeUndefined()
  expect(channelMeans(addToChannels(null, Float32Array.of(NaN), [1, 1], 'last'))).toBeUndefined()
})
