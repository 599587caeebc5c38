import { describe, expect, test } from 'vitest'

import type { Call } from '../../test/helpers/graphs.ts'
import { graphOf } from '../../test/helpers/graphs.ts'
import { int } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { weightFacts } from './weights.ts'

const linear = (x: string, w: string, y: string): readonly Call[] => [
  ['Transpose', w, `${w}_t`],
  ['MatMul', `${x} ${w}_t`, y],
]

/** Role and position of each weight. */
function found(graphs: readonly Graph[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    weightFacts(graphs).map(({ layer, role, position }) => [layer, `${role} ${position}`]),
  )
}

describe('roles', () => {
  test.for<{
    readonly what: string
    readonly calls: readonly Call[]
    readonly shape: readonly number[]
    readonly role: string
  }>([
    { what: 'rank 1', calls: [['Add', 'x w', 'y']], shape: [8], role: 'vector' },
    { what: 'a layer scale', calls: [['Mul', 'x w', 'y']], shape: [8, 1, 1], role: 'vector' },
    { what: 'a scalar', calls: [['Mul', 'x w', 'y']], shape: [], role: 'vector' },
    { what: 'a linear weight', calls: linear('x', 'w', 'y'), shape: [8, 4], role: 'linear' },
    { what: 'a matrix [K, N]', calls: [['MatMul', 'x w', 'y']], shape: [4, 8], role: 'other' },
    { what: 'a sum of matrices', calls: [['Add', 'x w', 'y']], shape: [4, 8], role: 'other' },
    { what: 'a convolution', calls: [['Conv', 'x w', 'y']], shape: [8, 4, 3, 3], role: 'conv' },
    { what: 'of one channel', calls: [['Conv', 'x w', 'y']], shape: [8, 1, 3, 3], role: 'conv' },
    {
      what: 'a depthwise convolution',
      calls: [['Conv', 'x w', 'y', { group: int(8) }]],
      shape: [16, 1, 3, 3],
      role: 'depthwise-conv',
    },
    {
      what: 'a grouped convolution',
      calls: [['Conv', 'x w', 'y', { group: int(2) }]],
      shape: [8, 2, 3, 3],
      role: 'conv',
    },
    { what: 'a table', calls: [['Gather', 'w x', 'y']], shape: [9, 4], role: 'embedding' },
    {
      what: 'a table that is also the head',
      calls: [['Gather', 'w x', 'u'], ...linear('u', 'w', 'y')],
      shape: [9, 4],
      role: 'tied-embedding',
    },
    {
      what: 'a linear weight that something else reads too',
      calls: [...linear('x', 'w', 'u'), ['Add', 'u w', 'y']],
      shape: [8, 8],
      role: 'other',
    },
  ])('$what is $role', ({ calls, shape, role }) => {
    expect(weightFacts([graphOf(calls, { w: shape })])[0]?.role).toBe(role)
  })

  test('one table in two graphs is tied, once, and keeps its component', () => {
    const shape = [9, 4]
    const lookup = graphOf([['Gather', 'w x', 'y']], { w: shape })
    const head = graphOf(linear('x', 'w', 'y'), { w: shape })
    expect(found([lookup, head])).toEqual({ 'model.w': 'tied-embedding inner' })
    expect(found([head, lookup])).toEqual({ 'model.w': 'tied-embedding inner' })
  })

  test('a weight has its size, its stored bytes and the axes of its role', () => {
    const graph = graphOf([...linear('x', 'w', 'u'), ['Add', 'u b', 'y']], { w: [8, 4], b: [8] })
    const [weight, bias] = weightFacts([graph])
    expect(weight).toMatchObject({ elements: 32, bytes: 128, outputAxis: 0, inputAxis: 1 })
    expect(bias).toMatchObject({ elements: 8, bytes: 32, outputAxis: null, inputAxis: null })
  })
})

describe('positions', () => {
  test('in a plain graph the first weight after each input and the last before each output', () => {
    const calls = [
      ...linear('x', 'a', 'u'),
      ['Relu', 'u', 'v'] as const,
      ...linear('v', 'b', 'w'),
      ...linear('w', 'c', 'y'),
    ]
    const graph = graphOf(calls, { a: [4, 4], b: [4, 4], c: [4, 4] })
    expect(found([graph])).toEqual({
      'model.a': 'linear stem',
      'model.b': 'linear inner',
      'model.c': 'linear last',
    })
  })

  test('of two inputs and two outputs each has its own', () => {
    const calls = [
      ...linear('x', 'a', 'u'),
      ...linear('z', 'b', 'v'),
      ['Add', 'u v', 'w'] as const,
      ...linear('w', 'm', 'n'),
      ...linear('n', 'c', 'y'),
      ...linear('n', 'd', 'o'),
    ]
    const names = { a: [4, 4], b: [4, 4], m: [4, 4], c: [4, 4], d: [4, 4] }
    const graph = graphOf(calls, names, { inputs: ['x', 'z'], outputs: ['y', 'o'] })
    const stems = weightFacts([graph]).map(({ position }) => position)
    expect(stems).toEqual(['stem', 'stem', 'inner', 'last', 'last'])
  })

  test('with repeated blocks the stem is every weight before the first of them', () => {
    const names = [
      'patch_embed.0.weight',
      'patch_embed.1.weight',
      'network.0.fc1',
      'network.0.fc2',
      'network.1.fc1',
      'network.1.fc2',
      'head',
    ]
    const calls = names.flatMap((name, at) => linear(`v${at}`, name, `v${at + 1}`))
    const shapes = Object.fromEntries(names.map((name) => [name, [4, 4]]))
    const graph = graphOf(calls, shapes, { inputs: ['v0'], outputs: [`v${names.length}`] })
    expect(weightFacts([graph]).map(({ position }) => position)).toEqual([
      'stem',
      'stem',
      'inner',
      'inner',
      'inner',
      'inner',
      'last',
    ])
  })

  test('what feeds a cache is not the last weight, whatever the cache is called', () => {
    const calls = [
      ...linear('x', 'k', 'u'),
      ['Concat', 'past u', 'grown'] as const,
      ['Relu', 'grown', 'v'] as const,
      ...linear('v', 'o', 'y'),
    ]
    const ends = { inputs: ['x', 'past'], outputs: ['y', 'grown'] }
    const graph = graphOf(calls, { k: [4, 4], o: [4, 4] }, ends)
    expect(found([graph])).toEqual({ 'model.k': 'linear stem', 'model.o': 'linear last' })
  })

  test('a joined output is a result', () => {
    const calls = [
      ...linear('x', 'a', 'u'),
      ...linear('x', 'b', 'v'),
      ['Concat', 'u v', 'y'] as const,
    ]
    const graph = graphOf(calls, { a: [4, 4], b: [4, 4] })
    expect(found([graph])).toEqual({ 'model.a': 'linear last', 'model.b': 'linear last' })
  })

  test('lookups and vectors are neither', () => {
    const graph = graphOf(
      [
        ['Gather', 'w x', 'u'],
        ['Mul', 'u s', 'y'],
      ],
      { w: [9, 4], s: [4] },
    )
    expect(found([graph])).toEqual({ 'model.w': 'embedding inner', 'model.s': 'vector inner' })
  })
})
