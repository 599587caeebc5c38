import { expect, test } from 'vitest'

import type { Call } from '../../test/helpers/graphs.ts'
import { graphOf } from '../../test/helpers/graphs.ts'
import { int, ints } from './builder.ts'
import { weightUses } from './weight-uses.ts'

/** `operator:kind`, with `^T` where the weight is transposed first. */
function usesOf(calls: readonly Call[], shape: readonly number[] = [4, 6]): readonly string[] {
  return weightUses(graphOf(calls, { w: shape })).map(
    ({ node, input, isTransposed }) =>
      `${node.op}:${input?.kind ?? 'none'}${isTransposed ? '^T' : ''}`,
  )
}

test.for<{
  readonly what: string
  readonly calls: readonly Call[]
  readonly uses: readonly string[]
}>([
  { what: 'a matrix', calls: [['MatMul', 'x w', 'y']], uses: ['MatMul:matmul'] },
  {
    what: 'a transposed matrix',
    calls: [
      ['Transpose', 'w', 't', { perm: ints([1, 0]) }],
      ['MatMul', 'x t', 'y'],
    ],
    uses: ['MatMul:matmul^T'],
  },
  {
    what: 'a transpose without perm reverses the axes',
    calls: [
      ['Transpose', 'w', 't'],
      ['MatMul', 'x t', 'y'],
    ],
    uses: ['MatMul:matmul^T'],
  },
  {
    what: 'a transpose that changes nothing',
    calls: [
      ['Transpose', 'w', 't', { perm: ints([0, 1]) }],
      ['MatMul', 'x t', 'y'],
    ],
    uses: ['Transpose:none'],
  },
  { what: 'a bias', calls: [['Conv', 'x v w', 'y']], uses: ['Conv:none'] },
  { what: 'a lookup', calls: [['Gather', 'w x', 'y', { axis: int(0) }]], uses: ['Gather:gather'] },
  { what: 'columns', calls: [['Gather', 'w x', 'y', { axis: int(1) }]], uses: ['Gather:none'] },
  { what: 'a list of rows', calls: [['Gather', 'x w', 'y']], uses: ['Gather:none'] },
  {
    what: 'every use',
    calls: [
      ['Gather', 'w ids', 'x'],
      ['Transpose', 'w', 't'],
      ['MatMul', 'x t', 'u'],
      ['MatMul', 'u t', 'v'],
      ['Add', 'v w', 'y'],
    ],
    uses: ['Gather:gather', 'MatMul:matmul^T', 'MatMul:matmul^T', 'Add:none'],
  },
])('$what', ({ calls, uses }) => {
  expect(usesOf(calls)).toEqual(uses)
})

test('a transposed kernel is no matrix', () => {
  expect(usesOf([['Transpose', 'w', 't']], [4, 6, 1])).toEqual(['Transpose:none'])
})
