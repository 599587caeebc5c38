import { expect, test } from 'vitest'

import { float32Weight } from '../../../test/helpers/weights.ts'
import type { Weight } from '../../tensor/weight.ts'
import { areIdentical } from './tied-head.ts'

const values = [1, 2, 3, 4, 5, 6]
const table = float32Weight('a', [3, 2], values)

/** A weight of rows of 1,000,001 values that are 0 but for the last one of the last row. */
function wide(last: number): Weight {
  const columns = 1_000_001
  return {
    name: 'wide',
    dtype: 'float32',
    shape: [3, columns],
    readRows(start, end) {
      const rows = new Float32Array((end - start) * columns)
      if (end === 3) rows[rows.length - 1] = last
      return Promise.resolve(rows)
    },
  }
}

test.for([
  { name: 'a copy', other: float32Weight('b', [3, 2], values), identical: true },
  {
    name: 'another value',
    other: float32Weight('b', [3, 2], [...values.slice(0, 5), 7]),
    identical: false,
  },
  {
    name: 'another sign',
    other: float32Weight('b', [3, 2], [-1, 2, 3, 4, 5, 6]),
    identical: false,
  },
  { name: 'another shape', other: float32Weight('b', [2, 3], values), identical: false },
  { name: 'another rank', other: float32Weight('b', [6], values), identical: false },
  {
    name: 'another dtype',
    other: { ...float32Weight('b', [3, 2], values), dtype: 'float16' as const },
    identical: false,
  },
])('$name: identical is $identical', async ({ other, identical }) => {
  expect(await areIdentical(table, other)).toBe(identical)
})

test('the last value of a weight that is read in several parts counts', async () => {
  expect(await areIdentical(wide(1), wide(1))).toBe(true)
  expect(await areIdentical(wide(1), wide(2))).toBe(false)
})
