import { InferenceSession, Tensor } from 'onnxruntime-node'
import { toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'

import type { ModelProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema } from '../src/formats/onnx/generated/onnx_pb.ts'
import { graphFacts } from '../src/formats/onnx/shapes/graph-facts.ts'
import { shapedNodes } from '../src/formats/onnx/shapes/propagate-shapes.ts'
import type { Attribute } from '../src/graph/graph.ts'
import type { FileCall } from './helpers/onnx-file.ts'
import {
  fileModel,
  fileNodes,
  floatTensor,
  graphAttribute,
  innerGraph,
  wave,
} from './helpers/onnx-file.ts'
import { constantTensor } from '../src/formats/onnx/opset/constants.ts'
import { value } from './helpers/opset.ts'

const int = (value: number): Attribute => ({ kind: 'int', value })
const ints = (...value: readonly number[]): Attribute => ({ kind: 'ints', value })
const string = (value: string): Attribute => ({ kind: 'string', value })

type Case = {
  readonly calls: readonly FileCall[]
  readonly x?: readonly number[]
  /** int64 lists by name. */
  readonly lists?: Readonly<Record<string, readonly number[]>>
  readonly floats?: Readonly<Record<string, readonly number[]>>
  readonly weights?: Readonly<Record<string, readonly number[]>>
  readonly opset?: number
}

const PICTURE = [1, 6, 9, 12]

const CASES: Readonly<Record<string, Case>> = {
  conv: {
    calls: [
      ['Conv', 'x w', 'y', { pads: ints(1, 0, 2, 1), strides: ints(2, 3), dilations: ints(1, 2) }],
    ],
    weights: { w: [4, 6, 3, 3] },
  },
  'conv same': {
    calls: [['Conv', 'x w', 'y', { auto_pad: string('SAME_UPPER'), strides: ints(2, 2) }]],
    weights: { w: [4, 6, 3, 3] },
  },
  'conv in groups': {
    calls: [['Conv', 'x w', 'y', { group: int(3) }]],
    weights: { w: [9, 2, 2, 5] },
  },
  'conv transposed': {
    calls: [
      [
        'ConvTranspose',
        'x w',
        'y',
        { strides: ints(2, 3), pads: ints(1, 0, 0, 1), output_padding: ints(1, 0), group: int(2) },
      ],
    ],
    weights: { w: [6, 4, 3, 3] },
  },
  'max pool': {
    calls: [
      ['MaxPool', 'x', 'y', { kernel_shape: ints(2, 3), strides: ints(2, 2), ceil_mode: int(1) }],
    ],
  },
  'average pool': {
    calls: [
      [
        'AveragePool',
        'x',
        'y',
        { kernel_shape: ints(3, 3), pads: ints(1, 1, 1, 1), strides: ints(2, 2) },
      ],
    ],
  },
  'global pool': { calls: [['GlobalAveragePool', 'x', 'y']] },
  'matrix product': { calls: [['MatMul', 'x w', 'y']], weights: { w: [6, 12, 5] } },
  gemm: {
    calls: [['Gemm', 'x w', 'y', { transA: int(1), transB: int(1) }]],
    x: [7, 4],
    weights: { w: [5, 7] },
  },
  transpose: { calls: [['Transpose', 'x', 'y', { perm: ints(0, 2, 3, 1) }]] },
  'transpose without perm': { calls: [['Transpose', 'x', 'y']] },
  reshape: { calls: [['Reshape', 'x s', 'y']], lists: { s: [0, -1, 4] } },
  flatten: { calls: [['Flatten', 'x', 'y', { axis: int(-2) }]] },
  squeeze: { calls: [['Squeeze', 'x s', 'y']], lists: { s: [0] } },
  'squeeze all': { calls: [['Squeeze', 'x', 'y']] },
  unsqueeze: { calls: [['Unsqueeze', 'x s', 'y']], lists: { s: [0, -1] } },
  concat: { calls: [['Concat', 'x x', 'y', { axis: int(-2) }]] },
  split: {
    calls: [
      ['Split', 'x s', 'a b', { axis: int(3) }],
      ['Relu', 'b', 'y'],
    ],
    lists: { s: [5, 7] },
  },
  'split evenly': {
    calls: [
      ['Split', 'x', 'a b', { axis: int(1) }],
      ['Relu', 'b', 'y'],
    ],
    opset: 17,
  },
  slice: {
    calls: [['Slice', 'x b e a s', 'y']],
    lists: { b: [1, -1], e: [100, 2], a: [2, -1], s: [2, -3] },
  },
  gather: { calls: [['Gather', 'x s', 'y', { axis: int(2) }]], lists: { s: [3, 1] } },
  'reduce some': {
    calls: [['ReduceMean', 'x', 'y', { axes: ints(1, -1), keepdims: int(0) }]],
    opset: 17,
  },
  'reduce all': { calls: [['ReduceSum', 'x', 'y']] },
  'arg max': {
    calls: [
      ['ArgMax', 'x', 'a', { axis: int(1), keepdims: int(0) }],
      ['Cast', 'a', 'y', { to: int(1) }],
    ],
  },
  resize: { calls: [['Resize', 'x - f', 'y']], floats: { f: [1, 1, 1.5, 2] } },
  'resize to sizes': { calls: [['Resize', 'x - - s', 'y']], lists: { s: [1, 6, 4, 20] } },
  pad: { calls: [['Pad', 'x s', 'y']], lists: { s: [0, 1, 0, 2, 0, 0, 3, 1] } },
  tile: { calls: [['Tile', 'x s', 'y']], lists: { s: [2, 1, 1, 3] } },
  expand: { calls: [['Expand', 'x s', 'y']], lists: { s: [4, 1, 1, 1] } },
  'depth to space': { calls: [['DepthToSpace', 'x', 'y', { blocksize: int(2) }]], x: [1, 8, 3, 5] },
  'space to depth': { calls: [['SpaceToDepth', 'x', 'y', { blocksize: int(3) }]] },
  'lstm, both ways': {
    calls: [['LSTM', 'x w r', 'y', { hidden_size: int(5), direction: string('bidirectional') }]],
    x: [4, 2, 6],
    weights: { w: [2, 20, 6], r: [2, 20, 5] },
  },
  'state of a gru': {
    calls: [['GRU', 'x w r', '- y', { hidden_size: int(5) }]],
    x: [4, 2, 6],
    weights: { w: [1, 15, 6], r: [1, 15, 5] },
  },
  broadcast: { calls: [['Add', 'x w', 'y']], weights: { w: [2, 1, 9, 1] } },
  'sizes that are computed': {
    calls: [
      ['Shape', 'x', 'a'],
      ['Gather', 'a one', 'b'],
      ['Mul', 'b two', 'c'],
      ['Concat', 'c rest', 'd', { axis: int(0) }],
      ['Reshape', 'x d', 'y'],
    ],
    lists: { one: [1], two: [2], rest: [-1] },
  },
}

function modelOf({
  calls,
  x = PICTURE,
  lists = {},
  floats = {},
  weights = {},
  opset = 17,
}: Case): ModelProto {
  const model = fileModel({
    calls,
    weights: [
      ...Object.entries(weights).map(([name, shape]) => floatTensor(name, shape)),
      ...Object.entries(floats).map(([name, values]) => floatTensor(name, [values.length], values)),
      ...Object.entries(lists).map(([name, values]) =>
        constantTensor(name, { elementType: 7, dims: [values.length], values }),
      ),
    ],
    inputs: { x },
    opset,
  })
  // Nothing is said of the output: it has to be found.
  const [output] = model.graph?.output ?? []
  if (output !== undefined) model.graph?.output.splice(0, 1, value('y', 1))
  for (const node of model.graph?.node ?? [])
    node.output = node.output.map((name) => (name === '-' ? '' : name))
  return model
}

test.for(Object.entries(CASES))('%s: as ONNX Runtime gives it', async ([, each]) => {
  const model = modelOf(each)
  const { x = PICTURE } = each
  const session = await InferenceSession.create(toBinary(ModelProtoSchema, model), {
    logSeverityLevel: 4,
  })
  const feed = new Tensor('float32', Float32Array.from(wave(x.reduce((a, b) => a * b, 1))), x)
  const { y } = await session.run({ x: feed })
  await session.release()
  const found = model.graph === undefined ? [] : [...shapedNodes(model.graph)]
  const last = found.at(-1)
  const at = last?.node.output.indexOf('y') ?? 0
  expect(last?.output(at)).toEqual(y?.dims)
})

describe('multiply-accumulates', () => {
  // By hand: outputs times values of a filter.
  test.for([
    { what: 'a convolution', each: CASES['conv in groups'], macs: 9 * 8 * 8 * (2 * 2 * 5) },
    {
      what: 'a transposed convolution',
      each: CASES['conv transposed'],
      macs: 6 * 9 * 12 * (4 * 3 * 3),
    },
    { what: 'a product', each: CASES['matrix product'], macs: 6 * 9 * 5 * 12 },
    { what: 'a Gemm', each: CASES['gemm'], macs: 4 * 5 * 7 },
    { what: 'an LSTM', each: CASES['lstm, both ways'], macs: 4 * 2 * 2 * 20 * (6 + 5) },
    { what: 'sums', each: CASES['broadcast'], macs: 0 },
  ])('of $what', ({ each, macs }) => {
    expect(graphFacts(modelOf(each ?? { calls: [] })).macs).toBe(macs)
  })

  const dense = (shape: readonly number[]): ModelProto =>
    fileModel({
      calls: [['MatMul', 'x w', 'y']],
      weights: [floatTensor('w', [8, 4])],
      inputs: { x: shape },
    })

  test('a batch that only has a name counts as one', () => {
    const model = dense([2, 8])
    const type = model.graph?.input[0]?.type?.value
    const dim = type?.case === 'tensorType' ? type.value.shape?.dim[0] : undefined
    if (dim !== undefined) dim.value = { case: 'dimParam', value: 'batch' }
    expect(graphFacts(model).macs).toBe(32)
  })

  test('another size that only has a name makes them unknown', () => {
    const model = dense([1, 3, 8])
    const type = model.graph?.input[0]?.type?.value
    const dim = type?.case === 'tensorType' ? type.value.shape?.dim[1] : undefined
    if (dim !== undefined) dim.value = { case: 'dimParam', value: 'length' }
    expect(graphFacts(model).macs).toBeNull()
  })

  test('of the larger branch of an If', () => {
    const [choose] = fileNodes([['If', 'c', 'y']])
    if (choose === undefined) throw new TypeError('there is one node')
    const weights = [floatTensor('w', [8, 4]), floatTensor('v', [4, 4])]
    graphAttribute(choose, 'then_branch', innerGraph([['MatMul', 'x w', 'p']], weights, ['p']))
    const two: readonly FileCall[] = [
      ['MatMul', 'x w', 'a'],
      ['MatMul', 'a v', 'p'],
    ]
    graphAttribute(choose, 'else_branch', innerGraph(two, weights, ['p']))
    const model = fileModel({ nodes: [choose], inputs: { x: [2, 8], c: [] }, types: { c: 9 } })
    expect(graphFacts(model)).toEqual({
      macs: 2 * 8 * 4 + 2 * 4 * 4,
      operators: { MatMul: 3, If: 1 },
    })
  })
})
