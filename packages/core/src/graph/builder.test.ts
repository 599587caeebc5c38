import { expect, test } from 'vitest'

import { float32Weight } from '../../test/helpers/weights.ts'
import { graphBuilder, int } from './builder.ts'

test('a graph is built in order, with names that tell the place', () => {
  const builder = graphBuilder('g', 21)
  const x = builder.input('x', 'float32', ['batch_size', 2])
  const weight = { layer: 'model.w', component: 'model', weight: float32Weight('w', [2], [1, 2]) }
  const scaled = builder.call('Mul', [x, builder.weight('w', weight)], { at: 'block.0' })
  const again = builder.call('Mul', [scaled, builder.weight('w', weight)], { at: 'block.0' })
  const y = builder.call('Softmax', [again], { at: 'block.1', attributes: { axis: int(-1) } })
  builder.output(y, 'y', 'float32', ['batch_size', 2])
  builder.call('Relu', [y], { at: 'block.2' })
  const graph = builder.build()
  expect(graph.nodes.map(({ name, inputs, outputs }) => [name, inputs, outputs])).toEqual([
    ['block.0/Mul', ['x', 'w'], ['block.0/Mul']],
    ['block.0/Mul_2', ['block.0/Mul', 'w'], ['block.0/Mul_2']],
    ['block.1/Softmax', ['block.0/Mul_2'], ['y']],
    ['block.2/Relu', ['y'], ['block.2/Relu']],
  ])
  expect([...graph.weights.keys()]).toEqual(['w'])
})

test('equal constants are stored once; a scalar differs from a vector of one', () => {
  const builder = graphBuilder('g', 21)
  expect(builder.integers([0, 1])).toBe(builder.integers([0, 1]))
  expect(builder.integers([0])).not.toBe(builder.integers(0))
  expect(builder.float(0.5)).toBe(builder.float(0.5))
  expect([...builder.build().constants.values()].map(({ shape }) => shape)).toEqual([
    [2],
    [1],
    [],
    [],
  ])
})

test('several outputs get one name each', () => {
  const builder = graphBuilder('g', 21)
  const x = builder.input('x', 'float32', [4])
  const first = builder.callMany('Split', [x], 2, { at: 'a' })
  const second = builder.callMany('Split', [x], 2, { at: 'a' })
  expect([...first, ...second]).toEqual(['a/Split:0', 'a/Split:1', 'a/Split_2:0', 'a/Split_2:1'])
})

test('a value must be defined once, and before it is used', () => {
  const builder = graphBuilder('g', 21)
  expect(() => builder.call('Relu', ['x'], { at: 'a' })).toThrow(TypeError)
  builder.input('x', 'float32', [1])
  expect(() => builder.input('x', 'float32', [1])).toThrow(TypeError)
  expect(() => {
    builder.output('x', 'y', 'float32', [1])
  }).toThrow(TypeError)
})
