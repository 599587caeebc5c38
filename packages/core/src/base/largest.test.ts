import { expect, test } from 'vitest'
import { largestOf } from './largest.ts'

test.for<readonly [number, number, readonly number[]]>([
  [3, 3, []],
  [3, 3, [1, 2]],
  [7, 3, [1, 7, 2]],
  [-1, -2, [-5, -1]],
  [400_000, 0, Array.from({ length: 400_001 }, (_, i) => i)],
])('the largest is %d', ([expected, least, values]) => {
  expect(largestOf(least, values)).toBe(expected)
})
