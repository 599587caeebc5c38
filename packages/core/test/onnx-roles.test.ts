import { Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'

import { liftOnnx } from '../src/convert/lift-onnx.ts'
import { bodiesOf } from '../src/formats/onnx/bodies.ts'
import type { OnnxDocument } from '../src/formats/onnx/document.ts'
import type { ModelProto, TensorProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import { DTYPES } from '../src/formats/onnx/read-dtype.ts'
import { constantTensor } from '../src/formats/onnx/stored-floats.ts'
import { bytesOf } from '../src/tensor/dtype.ts'
import { floatToHalf, halfToFloat } from '../src/tensor/float16.ts'
import { elementsOf } from '../src/tensor/weight.ts'
import type { Attribute } from '../src/graph/graph.ts'
import type { FileCall, FileModel } from './helpers/onnx-file.ts'
import {
  constantNode,
  fileModel,
  fileNodes,
  floatTensor,
  graphAttribute,
  innerGraph,
  quantizeModelFile,
  runModel,
  sqnrDb,
} from './helpers/onnx-file.ts'
import { value } from './helpers/opset.ts'

const int = (value: number): Attribute => ({ kind: 'int', value })
const ints = (...value: readonly number[]): Attribute => ({ kind: 'ints', value })
const float = (value: number): Attribute => ({ kind: 'float', value })
const string = (value: string): Attribute => ({ kind: 'string', value })

type Bits = 8 | 4 | 2

/** Codes of each width, and how many steps make 1. */
const EXACT: Readonly<Record<Bits, { readonly codes: readonly number[]; readonly unit: number }>> =
  {
    8: { codes: [127, -127, 63, 5, -31, 0], unit: 128 },
    4: { codes: [7, -7, 3, 1, -5, 0], unit: 8 },
    2: { codes: [1, -1, 1, 1, -1, 0], unit: 2 },
  }

/**
 * Numbers of which sums and products are exact in float32, in any order, and which integers of as many
 * bits hold exactly under a scale of a power of two: quantizing such a weight changes no output bit.
 */
function exactValues(count: number, bits: Bits): readonly number[] {
  const { codes, unit } = EXACT[bits]
  return Array.from({ length: count }, (_, i) => {
    const code = codes[(i * 7 + Math.floor(i / 6) * 5) % 6] ?? 0
    return code / unit
  })
}

function exact(name: string, shape: readonly number[], bits: Bits): TensorProto {
  return floatTensor(name, shape, exactValues(elementsOf(shape), bits))
}

/** Eighths between -1 and 1. */
function input(shape: readonly number[], seed: number): Tensor {
  const values = Array.from({ length: elementsOf(shape) }, (_, i) => (((i + seed) * 5) % 17) - 8)
  return new Tensor(
    'float32',
    Float32Array.from(values, (value) => value / 8),
    shape,
  )
}

function idsInput(shape: readonly number[]): Tensor {
  return new Tensor(
    'int64',
    BigInt64Array.from({ length: elementsOf(shape) }, (_, i) => BigInt((i * 5) % 7)),
    shape,
  )
}

type Case = {
  readonly what: string
  readonly calls: readonly FileCall[]
  /** Shapes of the weights that are quantized. */
  readonly weights: Readonly<Record<string, readonly number[]>>
  readonly x?: readonly number[]
  readonly ids?: readonly number[]
  /** By layer. */
  readonly roles: Readonly<Record<string, string>>
  readonly outputs?: readonly string[]
  /** How near the outputs come where the kernel sums otherwise for weights that it has packed. */
  readonly least?: number
  readonly more?: (bits: Bits) => Partial<FileModel>
}

const CASES: readonly Case[] = [
  {
    what: 'a convolution',
    calls: [['Conv', 'x w', 'y']],
    weights: { w: [6, 4, 3, 3] },
    x: [1, 4, 5, 5],
    roles: { w: 'conv' },
  },
  {
    what: 'a convolution in groups',
    calls: [['Conv', 'x w', 'y', { group: int(2) }]],
    weights: { w: [6, 4, 3, 3] },
    x: [1, 8, 5, 5],
    roles: { w: 'conv' },
  },
  {
    what: 'a depthwise convolution',
    calls: [['Conv', 'x w', 'y', { group: int(4) }]],
    weights: { w: [4, 1, 3, 4] },
    x: [1, 4, 5, 5],
    roles: { w: 'depthwise-conv' },
  },
  {
    what: 'a convolution over time',
    calls: [['Conv', 'x w', 'y']],
    weights: { w: [6, 4, 6] },
    x: [1, 4, 9],
    roles: { w: 'conv' },
  },
  {
    what: 'a convolution over a volume',
    calls: [['Conv', 'x w', 'y']],
    weights: { w: [3, 2, 2, 3, 2] },
    x: [1, 2, 4, 4, 4],
    roles: { w: 'conv' },
  },
  {
    what: 'a transposed convolution',
    calls: [['ConvTranspose', 'x w', 'y']],
    weights: { w: [4, 6, 3, 3] },
    x: [1, 4, 5, 5],
    roles: { w: 'conv' },
  },
  {
    what: 'a transposed convolution in groups',
    calls: [['ConvTranspose', 'x w', 'y', { group: int(2) }]],
    weights: { w: [4, 6, 3, 3] },
    x: [1, 4, 5, 5],
    roles: { w: 'conv' },
  },
  {
    what: 'a depthwise transposed convolution',
    calls: [['ConvTranspose', 'x w', 'y', { group: int(4) }]],
    weights: { w: [4, 1, 3, 4] },
    x: [1, 4, 5, 5],
    roles: { w: 'depthwise-conv' },
  },
  {
    what: 'a matrix on the right',
    calls: [['MatMul', 'x w', 'y']],
    weights: { w: [64, 6] },
    x: [2, 3, 64],
    roles: { w: 'linear' },
  },
  {
    what: 'a matrix on the left',
    calls: [['MatMul', 'w x', 'y']],
    weights: { w: [6, 32] },
    x: [2, 32, 3],
    roles: { w: 'matrix' },
  },
  {
    what: 'a matrix that is transposed first',
    calls: [
      ['Transpose', 'w', 't', { perm: ints(1, 0) }],
      ['MatMul', 'x t', 'y'],
    ],
    weights: { w: [6, 64] },
    x: [2, 64],
    roles: { w: 'linear' },
  },
  {
    what: 'a matrix that is transposed for a Gemm',
    calls: [
      ['Transpose', 'w', 't'],
      ['Gemm', 'x t', 'y', { alpha: float(0.5) }],
    ],
    weights: { w: [6, 64] },
    x: [2, 64],
    roles: { w: 'matrix' },
  },
  ...[0, 1].flatMap((transB): readonly Case[] => [
    {
      what: `a Gemm with transB ${transB}`,
      calls: [['Gemm', 'x w', 'y', { transB: int(transB) }]],
      weights: { w: transB === 1 ? [6, 64] : [64, 6] },
      x: [2, 64],
      roles: { w: 'linear' },
    },
    {
      what: `a Gemm with transB ${transB} and a bias`,
      calls: [['Gemm', 'x w b', 'y', { transB: int(transB) }]],
      weights: { w: transB === 1 ? [6, 64] : [64, 6], b: [6] },
      x: [2, 64],
      roles: { w: 'linear', b: 'vector' },
    },
    {
      what: `a Gemm with transB ${transB} that scales`,
      calls: [['Gemm', 'x w b', 'y', { transB: int(transB), alpha: float(2), beta: float(0.5) }]],
      weights: { w: transB === 1 ? [6, 64] : [64, 6], b: [6] },
      x: [2, 64],
      roles: { w: 'matrix', b: 'vector' },
    },
    {
      what: `a Gemm with transB ${transB} of a transposed input`,
      calls: [['Gemm', 'x w', 'y', { transA: int(1), transB: int(transB) }]],
      weights: { w: transB === 1 ? [6, 64] : [64, 6] },
      x: [64, 2],
      roles: { w: 'matrix' },
    },
    {
      what: `a Gemm with transA ${transB} and its weight on the left`,
      calls: [['Gemm', 'w x', 'y', { transA: int(transB) }]],
      weights: { w: transB === 1 ? [64, 6] : [6, 64] },
      x: [64, 3],
      roles: { w: 'matrix' },
    },
  ]),
  {
    what: 'a square matrix in both directions',
    calls: [
      ['MatMul', 'x w', 'a'],
      ['Gemm', 'a w', 'y', { transB: int(1) }],
    ],
    weights: { w: [32, 32] },
    x: [2, 32],
    roles: { w: 'matrix' },
  },
  {
    what: 'a matrix that two layers share',
    calls: [
      ['MatMul', 'x w', 'a'],
      ['MatMul', 'a w', 'y'],
    ],
    weights: { w: [32, 32] },
    x: [2, 32],
    roles: { w: 'linear' },
  },
  {
    what: 'a table',
    calls: [['Gather', 'w ids', 'y']],
    weights: { w: [12, 32] },
    ids: [2, 3],
    roles: { w: 'embedding' },
  },
  {
    what: 'a table that is looked up twice',
    calls: [
      ['Gather', 'w ids', 'a'],
      ['Gather', 'w ids', 'b', { axis: int(0) }],
      ['Add', 'a b', 'y'],
    ],
    weights: { w: [12, 32] },
    ids: [3],
    roles: { w: 'embedding' },
  },
  {
    what: 'a table of a width without blocks',
    calls: [['Gather', 'w ids', 'y']],
    weights: { w: [18, 10] },
    ids: [3],
    roles: { w: 'embedding' },
  },
  {
    what: 'a table that is the head, transposed',
    calls: [
      ['Gather', 'w ids', 'a'],
      ['Transpose', 'w', 't'],
      ['MatMul', 'a t', 'y'],
    ],
    weights: { w: [12, 32] },
    ids: [2, 3],
    roles: { w: 'tied-embedding' },
  },
  {
    what: 'a table that is the head by Gemm',
    calls: [
      ['Gather', 'w ids', 'a'],
      ['Gemm', 'a w b', 'y', { transB: int(1) }],
    ],
    weights: { w: [12, 32], b: [12] },
    ids: [3],
    roles: { w: 'tied-embedding', b: 'vector' },
  },
  ...(['LSTM', 'GRU', 'RNN'] as const).flatMap((op) =>
    (['forward', 'bidirectional'] as const).map((direction): Case => {
      const [gates, both] = [{ LSTM: 4, GRU: 3, RNN: 1 }[op], direction === 'forward' ? 1 : 2]
      return {
        what: `${op}, ${direction}`,
        calls: [[op, 'x w r', 'y', { hidden_size: int(6), direction: string(direction) }]],
        weights: { w: [both, gates * 6, 12], r: [both, gates * 6, 6] },
        x: [3, 1, 12],
        roles: { w: 'matrix', r: 'matrix' },
        least: 100,
      }
    }),
  ),
  {
    what: 'an LSTM whose weights get their direction first',
    calls: [
      ['Unsqueeze', 'w zero', 'w1'],
      ['Unsqueeze', 'r zero', 'r1'],
      ['LSTM', 'x w1 r1', 'y', { hidden_size: int(6) }],
    ],
    weights: { w: [24, 12], r: [24, 6] },
    x: [3, 1, 12],
    roles: { w: 'matrix', r: 'matrix' },
    more: () => ({ nodes: [constantInts('zero', [0])] }),
  },
  {
    what: 'a matrix behind Identity nodes',
    calls: [
      ['Identity', 'w', 'i'],
      ['Identity', 'i', 'j'],
      ['MatMul', 'x i', 'a'],
      ['MatMul', 'a j', 'y'],
    ],
    weights: { w: [32, 32] },
    x: [2, 32],
    roles: { w: 'linear' },
  },
]

function constantInts(name: string, values: readonly number[]) {
  const tensor = floatTensor(name, [values.length], values)
  tensor.dataType = 7
  tensor.rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
  return constantNode(tensor)
}

function modelOf(each: Case, bits: Bits, change: Partial<FileModel> = {}): ModelProto {
  const { calls, weights, x, ids, outputs = ['y'], more } = each
  return fileModel({
    calls,
    weights: Object.entries(weights).map(([name, shape]) => exact(name, shape, bits)),
    inputs: { ...(x === undefined ? {} : { x }), ...(ids === undefined ? {} : { ids }) },
    types: { ids: 7 },
    outputs,
    ...more?.(bits),
    ...change,
  })
}

function feedsFor({ x, ids }: Case): Record<string, Tensor> {
  return {
    ...(x === undefined ? {} : { x: input(x, 1) }),
    ...(ids === undefined ? {} : { ids: idsInput(ids) }),
  }
}

function rolesOf(document: OnnxDocument): Readonly<Record<string, string>> {
  const { sources } = liftOnnx(document, 'model')
  return Object.fromEntries([...sources].map(([key, { role }]) => [key, role]))
}

/** Bytes of all stored tensors that are no shapes, in all graphs. */
function storedBytes({ model }: OnnxDocument): number {
  const sizes = bodiesOf(model).flatMap(({ graph }) => [
    ...graph.initializer.map(sizeOf),
    ...graph.node.flatMap((node) => constantTensor(node) ?? []).map(sizeOf),
  ])
  return sizes.reduce((sum, size) => sum + size, 0)
}

function sizeOf(tensor: TensorProto): number {
  const dtype = DTYPES.get(tensor.dataType)
  return dtype === undefined || dtype === 'int64'
    ? 0
    : bytesOf(dtype, elementsOf(tensor.dims.map(Number)))
}

/** Precisions that hold the values of `exactValues` without loss, and the bits these then have. */
const LOSSLESS = [
  ['int8', 8],
  ['int8/tensor', 8],
  ['int8/16', 8],
  ['fp16', 8],
  ['int4/channel', 4],
  ['int4/tensor', 4],
  ['int2/channel', 2],
  ['int2/tensor', 2],
] as const

const MODES = CASES.flatMap((each) =>
  LOSSLESS.filter(([, bits]) => bits === 8 || !needs8Bits(each)).map(([precision, bits]) => ({
    each,
    precision,
    bits,
    what: each.what,
  })),
)

/** Depthwise filters, and tables whose rows have no blocks, are never stored in 4 bits. */
function needs8Bits({ roles, weights }: Case): boolean {
  return roles['w'] === 'depthwise-conv' || weights['w']?.[1] === 10
}

test.for(MODES)('$what as $precision gives the same numbers', async ({ each, precision, bits }) => {
  const model = modelOf(each, bits)
  const { document, plan, source, bytes } = await quantizeModelFile(model, precision)
  expect(rolesOf(source.document)).toEqual(each.roles)
  const feeds = feedsFor(each)
  const [before] = await runModel(model, feeds)
  const [after] = await runModel(bytes, feeds)
  expect(sqnrDb(before, after)).toBeGreaterThanOrEqual(each.least ?? Infinity)
  expect(storedBytes(document)).toBe(plan.bytes)
  const isFloat = precision === 'fp16'
  for (const { role, scheme } of plan.layers) {
    expect(scheme.kind).toBe(isFloat || role === 'vector' ? 'float' : 'affine')
  }
})

describe('weights of every bit width come near', () => {
  const precisions = [
    ['int4', 14],
    ['int4/16/asym', 14],
    ['int2', 4],
    ['int2/16/asym', 4],
    ['int8/asym', 38],
    ['int8/32/asym', 38],
  ] as const
  const cases = CASES.flatMap((each) =>
    precisions.map(([precision, least]) => ({ each, precision, least, what: each.what })),
  )
  test.for(cases)('$what as $precision', async ({ each, precision, least }) => {
    const model = modelOf(each, 8, {
      weights: Object.entries(each.weights).map(([name, shape]) => floatTensor(name, shape)),
    })
    const { document, plan, bytes } = await quantizeModelFile(model, precision)
    const feeds = feedsFor(each)
    const [before] = await runModel(model, feeds)
    const [after] = await runModel(bytes, feeds)
    expect(sqnrDb(before, after)).toBeGreaterThan(least)
    expect(storedBytes(document)).toBe(plan.bytes)
  })
})

describe('where weights lie', () => {
  const linear: Case = {
    what: '',
    calls: [['MatMul', 'x w', 'y']],
    weights: { w: [64, 6] },
    x: [2, 64],
    roles: { w: 'linear' },
  }

  test.for(['int8', 'int8/16', 'fp16'])('in Constant nodes, as %s', async (precision) => {
    const model = modelOf(linear, 8, { weights: [], nodes: [constantNode(exact('w', [64, 6], 8))] })
    const { document, source, bytes, plan } = await quantizeModelFile(model, precision)
    expect(rolesOf(source.document)).toEqual({ w: 'linear' })
    const feeds = feedsFor(linear)
    const [[before], [after]] = [await runModel(model, feeds), await runModel(bytes, feeds)]
    expect(sqnrDb(before, after)).toBe(Infinity)
    expect(document.model.graph?.node.some(({ opType }) => opType === 'Constant')).toBe(false)
    expect(storedBytes(document)).toBe(plan.bytes)
  })

  test('with a declared shape, which is taken back when another is stored', async () => {
    const model = modelOf(linear, 8)
    model.graph?.valueInfo.push(value('w', 1, [64, 6]), value('y', 1, [2, 6]))
    const { document } = await quantizeModelFile(model, 'int8')
    expect(document.model.graph?.valueInfo.map(({ name }) => name)).toEqual(['y'])
  })

  test.for(['int8', 'int8/16', 'fp16'])('in inputs, as before IR 4, as %s', async (precision) => {
    const model = modelOf({ ...linear, calls: [['Gemm', 'x w b', 'y']] }, 8, {
      weights: [exact('w', [64, 6], 8), exact('b', [6], 8)],
      inputs: { x: [2, 64], w: [64, 6], b: [6] },
      ir: 3n,
      opset: 8,
    })
    const { document, bytes } = await quantizeModelFile(model, precision)
    expect(document.model.graph?.input.map(({ name }) => name)).toEqual(['x'])
    expect(Number(document.model.irVersion)).toBeGreaterThanOrEqual(4)
    const feeds = feedsFor(linear)
    const [[before], [after]] = [await runModel(model, feeds), await runModel(bytes, feeds)]
    expect(sqnrDb(before, after)).toBe(Infinity)
  })

  test('in a model that has the names of their parts already', async () => {
    const model = modelOf(
      {
        ...linear,
        calls: [
          ['MatMul', 'x w', 'w_quantized'],
          ['Mul', 'w_quantized w_scale', 'w_ordered'],
          ['Relu', 'w_ordered', 'y'],
        ],
      },
      8,
      { weights: [exact('w', [64, 6], 8), exact('w_scale', [6], 8)] },
    )
    const { bytes } = await quantizeModelFile(model, 'int8')
    const feeds = feedsFor(linear)
    const [[before], [after]] = [await runModel(model, feeds), await runModel(bytes, feeds)]
    expect(sqnrDb(before, after)).toBe(Infinity)
  })

  /** y = condition ? x w : x w v, with weights in both branches by the same names. */
  function branches(isOuter: 'own weights' | 'outer weights', bits: Bits): ModelProto {
    // Not the same values, or they would be stored once.
    const square = (name: string): TensorProto => {
      const first = name === 'w' ? 0 : 1
      const values = exactValues(32 * 32 + first, bits).slice(first)
      return floatTensor(name, [32, 32], values)
    }
    const own = (names: readonly string[]): TensorProto[] =>
      isOuter === 'outer weights' ? [] : names.map(square)
    const [choose] = fileNodes([['If', 'c', 'y']])
    if (choose === undefined) throw new TypeError('there is one node')
    graphAttribute(choose, 'then_branch', innerGraph([['MatMul', 'x w', 'p']], own(['w']), ['p']))
    const gemm: FileCall = ['Gemm', 'a v', 'q']
    const other = innerGraph([['MatMul', 'x w', 'a'], gemm], own(['w', 'v']), ['q'])
    graphAttribute(choose, 'else_branch', other)
    const weights = isOuter === 'outer weights' ? ['w', 'v'] : []
    return fileModel({
      nodes: [choose],
      weights: weights.map(square),
      inputs: { x: [2, 32], c: [] },
      types: { c: 9 },
    })
  }

  const condition = (value: boolean): Tensor => new Tensor('bool', [value], [])
  const NESTED = (['own weights', 'outer weights'] as const).flatMap((place) =>
    LOSSLESS.map(([precision, bits]) => ({ place, precision, bits })),
  )

  test.for(NESTED)('in branches with $place, as $precision', async ({ place, precision, bits }) => {
    const model = branches(place, bits)
    const { document, source, plan, bytes } = await quantizeModelFile(model, precision)
    const layers =
      place === 'own weights'
        ? ['If_y.then_branch.w', 'If_y.else_branch.w', 'If_y.else_branch.v']
        : ['w', 'v']
    expect(rolesOf(source.document)).toEqual(
      Object.fromEntries(layers.map((layer) => [layer, 'linear'])),
    )
    for (const value of [true, false]) {
      const feeds = { x: input([2, 32], 1), c: condition(value) }
      const [[before], [after]] = [await runModel(model, feeds), await runModel(bytes, feeds)]
      expect(sqnrDb(before, after)).toBe(Infinity)
    }
    expect(storedBytes(document)).toBe(plan.bytes)
  })

  test.for(['int8', 'int8/16'])('in the body of a Loop, as %s', async (precision) => {
    const [loop] = fileNodes([['Loop', 'trips - x', 'y']])
    if (loop === undefined) throw new TypeError('there is one node')
    const body = innerGraph(
      [
        ['MatMul', 'state w', 'p'],
        ['Mul', 'p half', 'next'],
        ['Identity', 'on', 'still'],
      ],
      [exact('w', [32, 32], 8), floatTensor('half', [], [0.0625])],
      ['still', 'next'],
    )
    const typed = fileModel({ inputs: { i: [], on: [], state: [2, 32] }, types: { i: 7, on: 9 } })
    body.input = typed.graph?.input ?? []
    const [still] = fileModel({ outputs: ['still'], types: { still: 9 } }).graph?.output ?? []
    if (still !== undefined) body.output[0] = still
    graphAttribute(loop, 'body', body)
    const model = fileModel({
      nodes: [constantInts('trips', [2]), loop],
      inputs: { x: [2, 32] },
    })
    const trips = model.graph?.node[0]?.attribute[0]?.t
    if (trips !== undefined) trips.dims = []
    const { bytes, plan } = await quantizeModelFile(model, precision)
    expect(plan.layers.find(({ layer }) => layer === 'model.Loop_y.body.w')?.scheme.kind).toBe(
      'affine',
    )
    const feeds = { x: input([2, 32], 1) }
    const [[before], [after]] = [await runModel(model, feeds), await runModel(bytes, feeds)]
    expect(sqnrDb(before, after)).toBeGreaterThan(120)
  })
})

describe('graphs that compute in fp16', () => {
  const LEAST_DB = { int8: 50, 'int8/16': 50, 'int4/asym': 14, int2: 4, fp32: 50 } as const
  const halves = CASES.filter(({ roles }) =>
    Object.values(roles).every((role) => role !== 'matrix'),
  )
  const cases = halves.flatMap((each) =>
    (['int8', 'int8/16', 'int4/asym', 'int2', 'fp32'] as const).map((precision) => ({
      each,
      precision,
      what: each.what,
    })),
  )

  test.for(cases)('$what as $precision', async ({ each, precision }) => {
    const model = modelOf(each, 8, {
      weights: Object.entries(each.weights).map(([name, shape]) =>
        floatTensor(name, shape, exactValues(elementsOf(shape), 8), 'float16'),
      ),
      types: { x: 10, y: 10, ids: 7 },
    })
    const { document, plan, bytes } = await quantizeModelFile(model, precision)
    const { x } = feedsFor(each)
    const feeds = { ...feedsFor(each), ...(x === undefined ? {} : { x: half(x) }) }
    const [before] = (await runModel(model, feeds)).map(floats)
    const [after] = (await runModel(bytes, feeds)).map(floats)
    const least = LEAST_DB[precision]
    expect(sqnrDb(before, after)).toBeGreaterThan(least)
    expect(storedBytes(document)).toBe(plan.bytes)
  })

  function half(tensor: Tensor): Tensor {
    const { data, dims } = tensor
    const bits = Uint16Array.from({ length: data.length }, (_, i) => floatToHalf(Number(data[i])))
    return new Tensor('float16', bits, dims)
  }

  /** A fp16 tensor's values; its bits come as Uint16Array, or as Float16Array where there is one. */
  function floats(tensor: Tensor): Tensor {
    const { data } = tensor
    const values = Array.from({ length: data.length }, (_, i) =>
      data instanceof Uint16Array ? halfToFloat(data[i] ?? 0) : Number(data[i]),
    )
    return new Tensor('float32', Float32Array.from(values), tensor.dims)
  }
})

describe('what stays float, and why', () => {
  const REASONS: readonly {
    readonly what: string
    readonly calls: readonly FileCall[]
    readonly shape: readonly number[]
    readonly why: RegExp
    readonly change?: Partial<FileModel>
  }[] = [
    {
      what: 'a stack of matrices',
      calls: [['MatMul', 'x w', 'y']],
      shape: [2, 8, 8],
      why: /stack of matrices \(rank 3\)/u,
    },
    {
      what: 'an Einsum',
      calls: [['Einsum', 'x w', 'y', { equation: string('ab,bc->ac') }]],
      shape: [8, 8],
      why: /^Einsum reads it/u,
    },
    { what: 'a sum', calls: [['Add', 'x w', 'y']], shape: [8, 8], why: /^Add reads it/u },
    {
      what: 'a product value by value',
      calls: [['Mul', 'x w', 'y']],
      shape: [8, 8],
      why: /^Mul reads it/u,
    },
    {
      what: 'a custom operator',
      calls: [['Dense', 'x w', 'y', {}, 'my.domain']],
      shape: [8, 8],
      why: /^my\.domain\.Dense reads it/u,
      change: { domains: ['my.domain'] },
    },
    {
      what: 'columns that are looked up',
      calls: [['Gather', 'w ids', 'y', { axis: int(1) }]],
      shape: [8, 8],
      why: /along axis 1/u,
    },
    {
      what: 'a tensor that nothing reads',
      calls: [['Relu', 'x', 'y']],
      shape: [8, 8],
      why: /no operator reads it/u,
    },
    {
      what: 'an output',
      calls: [['MatMul', 'x w', 'z']],
      shape: [8, 8],
      why: /output/u,
      change: { outputs: ['z', 'w'] },
    },
    {
      what: 'a matrix that is also added',
      calls: [
        ['MatMul', 'x w', 'a'],
        ['Add', 'a w', 'y'],
      ],
      shape: [8, 8],
      why: /^Add reads it/u,
    },
    {
      what: 'a table that multiplies the other way',
      calls: [
        ['Gather', 'w ids', 'a'],
        ['MatMul', 'a w', 'y'],
      ],
      shape: [8, 8],
      why: /do not go together/u,
    },
    {
      what: 'a product of two weights',
      calls: [
        ['MatMul', 'w w', 'a'],
        ['MatMul', 'x a', 'y'],
      ],
      shape: [8, 8],
      why: /^MatMul reads it/u,
    },
    {
      what: 'a reshaped sum',
      calls: [
        ['Unsqueeze', 'w zero', 'a'],
        ['Add', 'x a', 'y'],
      ],
      shape: [8, 8],
      why: /^Unsqueeze reads it/u,
      change: { nodes: [constantInts('zero', [0])] },
    },
  ]

  test.for(REASONS)('$what', async ({ calls, shape, why, change }) => {
    const model = fileModel({
      calls,
      weights: [floatTensor('w', shape)],
      inputs: { x: [8, 8], ids: [3] },
      types: { ids: 7 },
      ...change,
    })
    const { plan, document, source } = await quantizeModelFile(model, 'int4')
    const [layer] = plan.layers
    expect(layer?.scheme).toEqual({ kind: 'float', dtype: 'float32' })
    expect(layer?.reasons.join(' ')).toMatch(why)
    // Not touched at all.
    expect(document.model).toEqual(source.document.model)
  })

  test('a weight of bf16', async () => {
    const model = fileModel({
      calls: [['MatMul', 'x w', 'y']],
      weights: [floatTensor('w', [8, 8], undefined, 'bfloat16')],
      inputs: { x: [2, 8] },
    })
    const { plan, document, source } = await quantizeModelFile(model, 'int8')
    expect(plan.layers[0]?.scheme).toEqual({ kind: 'float', dtype: 'bfloat16' })
    expect(document.model).toEqual(source.document.model)
  })

  test('a mask with infinities is carried', async () => {
    const model = fileModel({
      calls: [
        ['MatMul', 'x w', 'a'],
        ['Add', 'a mask', 'y'],
      ],
      weights: [
        floatTensor('w', [64, 64]),
        floatTensor(
          'mask',
          [4, 64],
          Array.from({ length: 256 }, (_, i) => (i % 3 === 0 ? -Infinity : 0)),
        ),
      ],
      inputs: { x: [4, 64] },
    })
    const { plan } = await quantizeModelFile(model, 'int8')
    expect(plan.layers.map(({ scheme }) => scheme.kind)).toEqual(['affine', 'float'])
  })
})
