import { toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'

import type { Settings } from '../src/config/settings.ts'
import type { ModelProto, NodeProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema, TensorProto_DataType } from '../src/formats/onnx/generated/onnx_pb.ts'
import { onnxNode } from '../src/formats/onnx/nodes.ts'
import type { Attribute } from '../src/graph/graph.ts'
import { quantizeDynamicFile } from '../src/pipeline/quantize-dynamic.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import { readPlan } from '../src/plan/read-plan.ts'
import {
  config,
  constant,
  fileModel,
  optimisedOperators,
  runFile,
  runningHost,
  smallModel,
  sqnrDb,
} from './helpers/integer-model.ts'
import { random } from './helpers/opset.ts'

async function quantized(
  model: ModelProto,
  settings: Settings = { precision: 'dynamic' },
  plan: Plan | null = null,
) {
  const host = runningHost()
  const made = await quantizeDynamicFile(host, {
    model: await fileModel(model),
    config: config(settings),
    runtime: 'x86-vnni',
    plan,
    place: { folder: 'out', name: 'int8' },
  })
  return { plan: made.plan, bytes: host.files.get('out/int8.onnx') }
}

function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): NodeProto {
  return onnxNode({ op, name: output, inputs, outputs: [output], attributes })
}

const floatBytes = (model: ModelProto): Uint8Array => toBinary(ModelProtoSchema, model)

async function ratio(model: ModelProto, bytes: Uint8Array | undefined, x = random([5, 32], 3)) {
  const [float, int8] = [await runFile(floatBytes(model), x), await runFile(bytes, x)]
  return sqnrDb(float.get('y'), int8.get('y'))
}

const WEIGHTS = { w: constant([32, 16], 1), t: constant([16, 32], 2), b: constant([16], 3) }

const int = (value: number): Attribute => ({ kind: 'int', value })

test.for([
  { name: 'MatMul', nodes: [node('MatMul', ['x', 'w'], 'y')] },
  {
    name: 'MatMul and Add',
    nodes: [node('MatMul', ['x', 'w'], 'm'), node('Add', ['m', 'b'], 'y')],
  },
  { name: 'Gemm', nodes: [node('Gemm', ['x', 'w', 'b'], 'y')] },
  {
    name: 'Gemm, weight transposed',
    nodes: [node('Gemm', ['x', 't', 'b'], 'y', { transB: int(1) })],
  },
])('one kernel quantizes and multiplies: $name', async ({ nodes }) => {
  const model = smallModel({ nodes, shape: [5, 32], constants: WEIGHTS })
  const { plan, bytes } = await quantized(model)
  expect(await optimisedOperators(bytes)).toEqual(['DynamicQuantizeMatMul'])
  expect(await ratio(model, bytes)).toBeGreaterThan(35)
  const stored = plan.layers.filter(({ form }) => form === 'MatMulInteger')
  expect(stored.map(({ bytes: parts }) => parts)).toEqual([
    { codes: 512, scales: 64, zeroPoints: 0 },
  ])
})

test('operators that read one activation share its integers', async () => {
  const nodes = [
    node('MatMul', ['x', 'w'], 'q'),
    node('Gemm', ['x', 't'], 'k', { transB: int(1) }),
    node('Mul', ['q', 'k'], 'y'),
  ]
  const model = smallModel({ nodes, shape: [5, 32], constants: WEIGHTS })
  const { bytes } = await quantized(model)
  const operators = await optimisedOperators(bytes)
  expect(operators.filter((op) => op === 'DynamicQuantizeLinear')).toHaveLength(1)
  expect(operators.filter((op) => op === 'MatMulIntegerToFloat')).toHaveLength(2)
  expect(await ratio(model, bytes)).toBeGreaterThan(30)
})

test.for(['forward', 'bidirectional'])('LSTM has a kernel of its own: %s', async (direction) => {
  const directions = direction === 'forward' ? 1 : 2
  const lstm = onnxNode({
    op: 'LSTM',
    name: 'lstm',
    inputs: ['x', 'w', 'r', 'b'],
    outputs: ['y'],
    attributes: {
      hidden_size: int(8),
      direction: { kind: 'string', value: direction },
    },
  })
  const constants = {
    w: constant([directions, 32, 6], 1, 0.3),
    r: constant([directions, 32, 8], 2, 0.3),
    b: constant([directions, 64], 3, 0.3),
  }
  const model = smallModel({ nodes: [lstm], shape: [7, 2, 6], constants })
  const { plan, bytes } = await quantized(model)
  expect(await optimisedOperators(bytes)).toContain('DynamicQuantizeLSTM')
  expect(await ratio(model, bytes, random([7, 2, 6], 5))).toBeGreaterThan(28)
  expect(plan.operators).toMatchObject([{ op: 'LSTM', runs: 'integer' }])
})

const CONVOLUTION = smallModel({
  nodes: [onnxNode({ op: 'Conv', name: 'c', inputs: ['x', 'k', 'b'], outputs: ['y'] })],
  shape: [1, 8, 9, 9],
  constants: { k: constant([16, 8, 3, 3], 7), b: constant([16], 8) },
})

test('a convolution gets 8-bit weights only, and the plan says that nothing runs on integers', async () => {
  const { plan, bytes } = await quantized(CONVOLUTION)
  expect(await optimisedOperators(bytes)).not.toContain('ConvInteger')
  expect(plan.operators).toMatchObject([{ op: 'Conv', runs: 'float' }])
  expect(plan.findings.map(({ code }) => code)).toContain('no-integer-operators')
  expect(await ratio(CONVOLUTION, bytes, random([1, 8, 9, 9], 5))).toBeGreaterThan(35)
})

test('a convolution that a layer names runs on integers', async () => {
  const layers = [{ pattern: 'model.k', precision: 'dynamic' }]
  const { bytes } = await quantized(CONVOLUTION, { precision: 'int8', layers })
  expect(await optimisedOperators(bytes)).toContain('ConvInteger')
  expect(await ratio(CONVOLUTION, bytes, random([1, 8, 9, 9], 5))).toBeGreaterThan(35)
})

test('half precision stays: integer kernels go with float32', async () => {
  const { FLOAT16 } = TensorProto_DataType
  const model = smallModel({
    nodes: [
      node('Cast', ['x'], 'h', { to: int(FLOAT16) }),
      node('MatMul', ['h', 'w'], 'm'),
      node('Cast', ['m'], 'y', { to: int(1) }),
    ],
    shape: [5, 32],
    constants: { w: { ...WEIGHTS.w, elementType: FLOAT16 } },
  })
  const { plan } = await quantized(model)
  expect(plan.operators).toMatchObject([
    { op: 'MatMul', runs: 'float', reason: expect.stringContaining('float32') },
  ])
})

test('a plan comes back from JSON and gives the same file; an operator can be kept float', async () => {
  const nodes = [node('MatMul', ['x', 'w'], 'h'), node('Gemm', ['h', 't', 'c'], 'y')]
  const constants = { ...WEIGHTS, c: constant([32], 4) }
  const model = smallModel({ nodes, shape: [5, 32], constants })
  const { plan, bytes } = await quantized(model)
  const read = readPlan(JSON.parse(JSON.stringify(plan)), 'plan.json')
  // A plan decides alone: with it, the command line has no precision.
  const again = await quantized(model, {}, read)
  expect(again.bytes).toEqual(bytes)
  expect(again.plan).toEqual(plan)
  const operators = plan.operators?.map((each) =>
    each.node === 'y' ? { ...each, runs: 'float' as const, reason: 'it was tried' } : each,
  )
  const edited = await quantized(model, {}, { ...read, operators })
  expect(await optimisedOperators(edited.bytes)).toContain('DynamicQuantizeMatMul')
  expect(edited.plan.operators).toContainEqual(
    expect.objectContaining({ node: 'y', runs: 'float', reason: 'it was tried' }),
  )
})
