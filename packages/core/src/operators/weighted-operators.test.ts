import { describe, expect, test } from 'vitest'

import { weightUsesOf, type OperatorCall, type WeightUse } from './weighted-operators.ts'

type Attributes = Readonly<Record<string, number>>

function call(
  op: string,
  ranks: Readonly<Record<number, number>>,
  attributes: Attributes = {},
  domain = '',
): OperatorCall {
  return {
    op,
    domain,
    attribute: (name) => (Object.hasOwn(attributes, name) ? attributes[name] : undefined),
    weightRank: (input) => ranks[input],
  }
}

/** input, outputAxis, inputAxis, activation, activationAxis. */
const axesOf = (use: WeightUse): readonly (number | null)[] => [
  use.input,
  use.outputAxis,
  use.inputAxis,
  use.activation,
  use.activationAxis,
]

describe('the axes of a weight', () => {
  test.for<readonly [string, OperatorCall, readonly (readonly (number | null)[])[]]>([
    ['Conv (O, I, h, w)', call('Conv', { 1: 4 }), [[1, 0, 1, 0, 1]]],
    ['ConvTranspose (I, O, h, w)', call('ConvTranspose', { 1: 4 }), [[1, 1, 0, 0, 1]]],
    ['MatMul by (K, N)', call('MatMul', { 1: 2 }), [[1, 1, 0, 0, -1]]],
    ['MatMul by (heads, K, N)', call('MatMul', { 1: 3 }), [[1, 2, 1, 0, -1]]],
    ['MatMul of (M, K)', call('MatMul', { 0: 2 }), [[0, 0, 1, 1, -2]]],
    ['Gemm by (K, N)', call('Gemm', { 1: 2 }), [[1, 1, 0, 0, -1]]],
    ['Gemm by (N, K)', call('Gemm', { 1: 2, 2: 1 }, { transB: 1 }), [[1, 0, 1, 0, -1]]],
    ['Gemm, activation stored (K, M)', call('Gemm', { 1: 2 }, { transA: 1 }), [[1, 1, 0, 0, -2]]],
    ['Gemm of (M, K)', call('Gemm', { 0: 2 }), [[0, 0, 1, 1, -2]]],
    [
      'Gemm of (K, M) and (N, K)',
      call('Gemm', { 0: 2 }, { transA: 1, transB: 1 }),
      [[0, 1, 0, 1, -1]],
    ],
    ['Gather of rows', call('Gather', { 0: 2 }), [[0, 0, 1, null, -1]]],
    ['Gather of columns', call('Gather', { 0: 2 }, { axis: -1 }), [[0, 1, 0, null, -1]]],
    [
      'LSTM',
      call('LSTM', { 1: 3, 2: 3, 3: 2 }),
      [
        [1, 1, 2, 0, -1],
        [2, 1, 2, null, -1],
      ],
    ],
    ['GRU whose R is computed', call('GRU', { 1: 3 }), [[1, 1, 2, 0, -1]]],
    [
      'FusedMatMul by (N, K)',
      call('FusedMatMul', { 1: 2 }, { transB: 1 }, 'com.microsoft'),
      [[1, 0, 1, 0, -1]],
    ],
  ])('%s', ([, operator, expected]) => {
    expect(weightUsesOf(operator).map(axesOf)).toEqual(expected)
  })

  test('groups are said, one where the attribute is left out', () => {
    expect(weightUsesOf(call('Conv', { 1: 4 }, { group: 8 })).map((use) => use.groups)).toEqual([8])
    expect(weightUsesOf(call('Conv', { 1: 4 })).map((use) => use.groups)).toEqual([1])
  })
})

describe('what has no weight', () => {
  test.for<readonly [string, OperatorCall]>([
    ['an operator without weights', call('Add', { 1: 2 })],
    ['a name that every object has', call('constructor', { 0: 2, 1: 2 })],
    ['a domain that every object has', call('Conv', { 1: 4 }, {}, 'constructor')],
    ['a product of two weights', call('MatMul', { 0: 2, 1: 2 })],
    ['a product with a vector', call('MatMul', { 1: 1 })],
    ['a product of activations', call('MatMul', {})],
    ['a list that is looked up', call('Gather', { 0: 1 })],
    ['an axis outside of the table', call('Gather', { 0: 2 }, { axis: 2 })],
    ['indices that are constants', call('Gather', { 1: 2 })],
    ['an operator of another domain', call('Conv', { 1: 4 }, {}, 'com.example')],
    ['swapped batches', call('FusedMatMul', { 1: 3 }, { transBatchB: 1 }, 'com.microsoft')],
  ])('%s', ([, operator]) => {
    expect(weightUsesOf(operator)).toEqual([])
  })
})
