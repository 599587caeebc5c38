import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'

import type {
  AttributeProto,
  ModelProto,
  NodeProto,
} from '../src/formats/onnx/generated/onnx_pb.ts'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
} from '../src/formats/onnx/generated/onnx_pb.ts'
import { bodiesOf } from '../src/formats/onnx/bodies.ts'
import { onnxNode } from '../src/formats/onnx/nodes.ts'
import type { Attribute } from '../src/graph/graph.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import type { NewConstant } from '../src/formats/onnx/opset/constants.ts'
import { constantTensor, int64List } from '../src/formats/onnx/opset/constants.ts'
import { quantizeDynamicFile } from '../src/pipeline/quantize-dynamic.ts'
import { quantizeStaticFile } from '../src/pipeline/quantize-static.ts'
import {
  calibrationFiles,
  config,
  constant,
  fileModel,
  runFile,
  runningHost,
  smallModel,
  sqnrDb,
} from './helpers/integer-model.ts'
import { random, value } from './helpers/opset.ts'

const SHAPE = [4, 16]

const { BOOL, FLOAT, INT64 } = TensorProto_DataType

type Mode = 'static' | 'dynamic'

async function quantized(
  model: ModelProto,
  mode: Mode,
  shape: readonly number[] = SHAPE,
  given: Plan | null = null,
) {
  const samples = Array.from({ length: 8 }, (_, at) => random(shape, at + 1))
  const host = runningHost(calibrationFiles(samples))
  const common = {
    model: await fileModel(model),
    config: config({ precision: mode === 'static' ? 'w8a8' : 'dynamic' }),
    runtime: 'x86-vnni',
    plan: given,
    place: { folder: 'out', name: 'int8' },
  } as const
  const { plan } =
    mode === 'static'
      ? await quantizeStaticFile(host, {
          ...common,
          calibrator: 'min-max',
          io: 'float',
          scratch: 'scratch',
        })
      : await quantizeDynamicFile(host, common)
  return { plan, bytes: host.files.get('out/int8.onnx') }
}

function node(op: string, inputs: readonly string[], output: string): NodeProto {
  return onnxNode({ op, name: output, inputs, outputs: [output] })
}

type Body = {
  readonly name: string
  readonly nodes: readonly NodeProto[]
  readonly constants?: Readonly<Record<string, NewConstant>>
  readonly inputs?: readonly (readonly [string, number])[]
  readonly outputs: readonly (readonly [string, number])[]
}

function body({ name, nodes, constants = {}, inputs = [], outputs }: Body): AttributeProto {
  const { graph } = smallModel({ nodes, shape: [], constants })
  if (graph === undefined) throw new TypeError('no graph')
  // Loop wants to know that its counter and condition are single numbers.
  graph.input = inputs.map(([input, type]) => value(input, type, type === FLOAT ? undefined : []))
  graph.output = outputs.map(([output, type]) => value(output, type))
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g: graph })
}

function withFlag(model: ModelProto): ModelProto {
  model.graph?.initializer.push(
    create(TensorProtoSchema, { name: 'flag', dataType: BOOL, rawData: Uint8Array.of(1) }),
  )
  return model
}

const OUTER = { w: constant([16, 16], 1, 0.3), v: constant([16, 16], 2, 0.3) }

/** A branch has a weight of its own, and one of the graph around it that nobody else reads. */
function branching(): ModelProto {
  const choice = node('If', ['flag'], 'y')
  choice.attribute.push(
    body({
      name: 'then_branch',
      nodes: [node('MatMul', ['h', 'own'], 'p'), node('MatMul', ['p', 'v'], 't')],
      constants: { own: constant([16, 16], 3, 0.3) },
      outputs: [['t', FLOAT]],
    }),
    body({ name: 'else_branch', nodes: [node('Neg', ['h'], 'e')], outputs: [['e', FLOAT]] }),
  )
  const nodes = [node('MatMul', ['x', 'w'], 'h'), choice]
  return withFlag(smallModel({ nodes, shape: SHAPE, constants: OUTER }))
}

/** Three rounds of the same layer. */
function looping(): ModelProto {
  const loop = onnxNode({ op: 'Loop', name: 'y', inputs: ['rounds', 'flag', 'h'], outputs: ['y'] })
  loop.attribute.push(
    body({
      name: 'body',
      nodes: [
        node('MatMul', ['state', 'own'], 'p'),
        node('Tanh', ['p'], 'next'),
        node('Identity', ['going'], 'still'),
      ],
      constants: { own: constant([16, 16], 3, 0.3) },
      inputs: [
        ['round', INT64],
        ['going', BOOL],
        ['state', FLOAT],
      ],
      outputs: [
        ['still', BOOL],
        ['next', FLOAT],
      ],
    }),
  )
  const rounds = { ...int64List([3]), dims: [] }
  const nodes = [node('MatMul', ['x', 'w'], 'h'), loop]
  return withFlag(smallModel({ nodes, shape: SHAPE, constants: { w: OUTER.w, rounds } }))
}

/** One layer over the rows of its input. */
function scanning(): ModelProto {
  const scan = onnxNode({
    op: 'Scan',
    name: 'y',
    inputs: ['h'],
    outputs: ['y'],
    attributes: { num_scan_inputs: { kind: 'int', value: 1 } },
  })
  scan.attribute.push(
    body({
      name: 'body',
      nodes: [node('MatMul', ['row', 'own'], 'p')],
      constants: { own: constant([16, 16], 3, 0.3) },
      inputs: [['row', FLOAT]],
      outputs: [['p', FLOAT]],
    }),
  )
  const nodes = [node('MatMul', ['x', 'w'], 'h'), scan]
  return smallModel({ nodes, shape: SHAPE, constants: { w: OUTER.w } })
}

const MODELS = [
  { name: 'If', make: branching, own: ['y.then_branch.p'], outer: ['y.then_branch.t'] },
  { name: 'Loop', make: looping, own: ['y.body.p'], outer: [] },
  { name: 'Scan', make: scanning, own: ['y.body.p'], outer: [] },
] as const

/** The signal-to-noise ratio of `y`, in decibels. */
async function ratio(model: ModelProto, bytes: Uint8Array | undefined): Promise<number> {
  const x = random(SHAPE, 99)
  const [float, int8] = [
    await runFile(toBinary(ModelProtoSchema, model), x),
    await runFile(bytes, x),
  ]
  return sqnrDb(float.get('y'), int8.get('y'))
}

function expectWeightsInIntegers({ layers }: Plan, count: number): void {
  const matrices = layers.filter(({ shape }) => shape.length === 2)
  expect(matrices).toHaveLength(count)
  for (const { scheme } of matrices) expect(scheme).toMatchObject({ dtype: 'int8' })
}

test.for(MODELS)('static: activations in the body of $name stay float', async (each) => {
  const model = each.make()
  const { plan, bytes } = await quantized(model, 'static')
  expect(await ratio(model, bytes)).toBeGreaterThan(28)
  const nested = [...each.own, ...each.outer]
  const runs = plan.operators?.map(({ node: label, runs: how }) => [label, how])
  expect(runs).toEqual([['h', 'integer'], ...nested.map((label) => [label, 'float'])])
  expect(plan.findings).toContainEqual(
    expect.objectContaining({ code: 'nested-operators', subject: nested[0] }),
  )
  expectWeightsInIntegers(plan, nested.length + 1)
})

test.for(MODELS)('dynamic: the body of $name multiplies integers', async (each) => {
  const model = each.make()
  const { plan, bytes } = await quantized(model, 'dynamic')
  expect(await ratio(model, bytes)).toBeGreaterThan(28)
  const runs = plan.operators?.map(({ node: label, runs: how }) => [label, how])
  expect(runs).toEqual([
    ['h', 'integer'],
    ...each.own.map((label) => [label, 'integer']),
    ...each.outer.map((label) => [label, 'float']),
  ])
  expectWeightsInIntegers(plan, each.own.length + each.outer.length + 1)
  expect(nestedOperatorTypes(bytes)).toContain('MatMulInteger')
  const again = await quantized(model, 'dynamic', SHAPE, plan)
  expect(again.bytes).toEqual(bytes)
})

test('an LSTM in a branch gets its own kernel, and its weights may be constants of nodes', async () => {
  const matrix = (name: string, inputs: number, seed: number): NodeProto => {
    const made = node('Constant', [], name)
    const t = constantTensor(name, constant([1, 32, inputs], seed, 0.3))
    const type = AttributeProto_AttributeType.TENSOR
    made.attribute.push(create(AttributeProtoSchema, { name: 'value', type, t }))
    return made
  }
  const hidden_size: Attribute = { kind: 'int', value: 8 }
  const lstm = onnxNode({
    op: 'LSTM',
    name: 'lstm',
    inputs: ['x', 'w', 'r'],
    outputs: ['t'],
    attributes: { hidden_size },
  })
  const choice = node('If', ['flag'], 'y')
  choice.attribute.push(
    body({
      name: 'then_branch',
      nodes: [matrix('w', 6, 1), matrix('r', 8, 2), lstm],
      outputs: [['t', FLOAT]],
    }),
    body({ name: 'else_branch', nodes: [node('Neg', ['x'], 'e')], outputs: [['e', FLOAT]] }),
  )
  const shape = [5, 2, 6]
  const model = withFlag(smallModel({ nodes: [choice], shape }))
  const { plan, bytes } = await quantized(model, 'dynamic', shape)
  expect(nestedOperatorTypes(bytes)).toContain('DynamicQuantizeLSTM')
  expect(plan.layers.map(({ layer, bytes: parts }) => [layer, parts.codes])).toEqual([
    ['model.y.then_branch.w', 192],
    ['model.y.then_branch.r', 256],
  ])
  const x = random(shape, 99)
  const float = await runFile(toBinary(ModelProtoSchema, model), x)
  expect(sqnrDb(float.get('y'), (await runFile(bytes, x)).get('y'))).toBeGreaterThan(28)
})

function nestedOperatorTypes(bytes: Uint8Array | undefined): readonly string[] {
  const model = fromBinary(ModelProtoSchema, bytes ?? new Uint8Array())
  return bodiesOf(model).flatMap(({ graph, path }) =>
    path === '' ? [] : graph.node.map(({ opType }) => opType),
  )
}

test.for([
  { reads: 'its weight', mode: 'static', values: ['k'] },
  { reads: 'its bias', mode: 'static', values: ['b'] },
  { reads: 'its weight', mode: 'dynamic', values: ['k'] },
  { reads: 'its bias', mode: 'dynamic', values: ['b'] },
] as const)(
  'a convolution that is folded leaves what a branch reads as it is: $reads, $mode',
  async ({ mode, values: [name] }) => {
    const shape = [1, 4, 4, 4]
    const choice = node('If', ['flag'], 'z')
    const sum = body({
      name: 'then_branch',
      nodes: [node('ReduceSum', [name], 't')],
      outputs: [['t', FLOAT]],
    })
    const minus = body({
      name: 'else_branch',
      nodes: [node('Neg', [name], 'e')],
      outputs: [['e', FLOAT]],
    })
    choice.attribute.push(sum, minus)
    const nodes = [node('Conv', ['x', 'k', 'b'], 'c'), node('Mul', ['c', 'factor'], 'y'), choice]
    const constants = {
      k: constant([4, 4, 3, 3], 1, 0.3),
      b: constant([4], 3),
      factor: constant([1, 4, 1, 1], 4),
    }
    const model = withFlag(smallModel({ nodes, shape, constants, outputs: ['y', 'z'] }))
    const { bytes } = await quantized(model, mode, shape)
    const x = random(shape, 99)
    const [float, int8] = [
      await runFile(toBinary(ModelProtoSchema, model), x),
      await runFile(bytes, x),
    ]
    expect(sqnrDb(float.get('z'), int8.get('z'))).toBeGreaterThan(40)
    expect(sqnrDb(float.get('y'), int8.get('y'))).toBeGreaterThan(25)
  },
)
