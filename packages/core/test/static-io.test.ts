import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { InferenceSession, Tensor } from 'onnxruntime-node'
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
  StringStringEntryProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
} from '../src/formats/onnx/generated/onnx_pb.ts'
import { memorySource } from '../src/base/bytes.ts'
import { statedIo } from '../src/formats/onnx/qdq/stated-io.ts'
import type { BoundaryTensor } from '../src/formats/onnx/qdq/declare-boundary.ts'
import { onnxNode } from '../src/formats/onnx/nodes.ts'
import type { Attribute } from '../src/graph/graph.ts'
import { modelIo } from '../src/pipeline/model-io.ts'
import type { ModelIo } from '../src/pipeline/quantize-static.ts'
import { quantizeStaticFile } from '../src/pipeline/quantize-static.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import { readPlan } from '../src/plan/read-plan.ts'
import type { RuntimeProfile } from '../src/targets/integer-kernels.ts'
import { roundHalfToEven } from '../src/tensor/rounding.ts'
import {
  calibrationFiles,
  config,
  constant,
  fileModel,
  floats,
  optimisedOperators,
  runningHost,
  smallModel,
} from './helpers/integer-model.ts'
import { random } from './helpers/opset.ts'

const SHAPE = [1, 4, 8, 8]

type Options = {
  readonly io?: ModelIo
  readonly runtime?: RuntimeProfile
  readonly plan?: Plan | null
  readonly shape?: readonly number[]
}

async function quantized(model: ModelProto, options: Options = {}) {
  const shape = options.shape ?? SHAPE
  const samples = Array.from({ length: 6 }, (_, at) => random(shape, at + 1))
  const host = runningHost(calibrationFiles(samples))
  const { plan } = await quantizeStaticFile(host, {
    model: await fileModel(model),
    config: config(options.plan ? {} : { precision: 'w8a8' }),
    runtime: options.runtime ?? 'x86-vnni',
    calibrator: 'min-max',
    io: options.io ?? 'int8',
    scratch: 'scratch',
    plan: options.plan ?? null,
    place: { folder: 'out', name: 'int8' },
  })
  const bytes = host.files.get('out/int8.onnx')
  if (bytes === undefined) throw new TypeError('nothing was written')
  return { plan, bytes }
}

function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): NodeProto {
  return onnxNode({ op, name: output, inputs, outputs: [output], attributes })
}

const CONSTANTS = {
  w1: constant([4, 4, 3, 3], 11, 0.2),
  w2: constant([4, 4, 3, 3], 12, 0.2),
  b1: constant([4], 13),
  m: constant([8, 8], 14, 0.3),
}

const pads: Attribute = { kind: 'ints', value: [1, 1, 1, 1] }

const CONVOLUTIONS = [
  node('Conv', ['x', 'w1', 'b1'], 'a', { pads }),
  node('Relu', ['a'], 'r'),
  node('Conv', ['r', 'w2'], 'y', { pads }),
]

/** Outputs in float32 or as codes, without the runtime's own rewriting. */
async function outputsOf(
  bytes: Uint8Array,
  x: Tensor,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const options = { graphOptimizationLevel: 'disabled', logSeverityLevel: 4 } as const
  const session = await InferenceSession.create(bytes, options)
  const results = await session.run({ x })
  await session.release()
  return new Map(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data, Number)]),
  )
}

function codesOf(values: readonly number[], { dtype, scale, zeroPoint }: BoundaryTensor) {
  const [low, high] = dtype === 'uint8' ? [0, 255] : [-128, 127]
  const step = Math.fround(scale)
  return values.map((value) => {
    const code = roundHalfToEven(Math.fround(value / step)) + zeroPoint
    return Math.max(low, Math.min(high, code))
  })
}

function tensorOf(codes: readonly number[], { dtype }: BoundaryTensor, dims: readonly number[]) {
  return dtype === 'uint8'
    ? new Tensor('uint8', Uint8Array.from(codes), dims)
    : new Tensor('int8', Int8Array.from(codes), dims)
}

/** Runs the integer model on codes, and its twin with float ends on what they stand for. */
async function bothOutputs(model: ModelProto, options: Options = {}) {
  const { plan, bytes } = await quantized(model, options)
  const { io: _, ...floatPlan } = plan
  const twin = await quantized(model, { ...options, plan: floatPlan })
  const ends = modelIo(plan)
  const [input] = ends?.inputs ?? []
  if (ends === null || input === undefined) throw new TypeError('the input stayed float')
  const shape = options.shape ?? SHAPE
  const codes = codesOf([...floats(random(shape, 99))], input)
  const real = codes.map((code) => (code - input.zeroPoint) * Math.fround(input.scale))
  const x = new Tensor('float32', Float32Array.from(real), shape)
  return {
    plan,
    bytes,
    ends,
    integers: await outputsOf(bytes, tensorOf(codes, input, shape)),
    floats: await outputsOf(twin.bytes, x),
  }
}

test.for(['x86-vnni', 'x86-legacy', 'arm64'] as const)(
  'integer ends give the codes of the float model: %s',
  async (runtime) => {
    const model = smallModel({ nodes: CONVOLUTIONS, shape: SHAPE, constants: CONSTANTS })
    const { plan, bytes, ends, integers, floats: values } = await bothOutputs(model, { runtime })
    const [output] = ends.outputs
    if (output === undefined) throw new TypeError('the output stayed float')
    expect(output.dtype).toBe(runtime === 'arm64' ? 'int8' : 'uint8')
    const expected = codesOf(values.get('y') ?? [], output)
    expect(new Set(expected).size).toBeGreaterThan(100)
    expect(integers.get('y')).toEqual(expected)
    // On x86 the kernels take uint8; int8 ends are for other processors.
    if (runtime !== 'arm64') {
      const operators = await optimisedOperators(bytes)
      expect(operators.filter((op) => op !== 'Transpose')).toEqual(['QLinearConv', 'QLinearConv'])
    }
    expect(plan.io).toEqual({ inputs: ['x'], outputs: ['y'] })
  },
)

test('the file states scale and zero point of its ends', async () => {
  const model = smallModel({ nodes: CONVOLUTIONS, shape: SHAPE, constants: CONSTANTS })
  const { plan, bytes } = await quantized(model)
  const { metadataProps, graph } = fromBinary(ModelProtoSchema, bytes)
  const stated: unknown = JSON.parse(
    metadataProps.find(({ key }) => key === 'mixbit.io')?.value ?? '',
  )
  expect(stated).toEqual(modelIo(plan))
  const activation = plan.activations?.find(({ tensor }) => tensor === 'x')
  expect(stated).toMatchObject({
    inputs: [{ name: 'x', dtype: 'uint8', zeroPoint: activation?.zeroPoint }],
  })
  const types = [...(graph?.input ?? []), ...(graph?.output ?? [])].map(({ type }) =>
    type?.value.case === 'tensorType' ? type.value.value.elemType : 0,
  )
  expect(types).toEqual([TensorProto_DataType.UINT8, TensorProto_DataType.UINT8])
  expect(readPlan(JSON.parse(JSON.stringify(plan)), 'plan.json')).toEqual(plan)
})

test('what a file states is read from the file, without its graph', async () => {
  const model = smallModel({ nodes: CONVOLUTIONS, shape: SHAPE, constants: CONSTANTS })
  const { plan, bytes } = await quantized(model)
  const reads: number[] = []
  const source = memorySource('model.onnx', bytes)
  const counting = {
    ...source,
    read: (start: number, length: number) => {
      reads.push(length)
      return source.read(start, length)
    },
  }
  expect(await statedIo(counting)).toEqual(modelIo(plan))
  expect(reads.length).toBeLessThan(6)
})

test.for([
  { name: 'no JSON', value: '{"inputs"' },
  { name: 'a list', value: '[]' },
  { name: 'a scale of 0', value: statement({ scale: 0 }) },
  { name: 'codes of 16 bits', value: statement({ dtype: 'int16' }) },
  { name: 'another key', value: statement({ axis: 0 }) },
])('a file that states $name is refused', async ({ value: text }) => {
  const entry = create(StringStringEntryProtoSchema, { key: 'mixbit.io', value: text })
  const bytes = toBinary(ModelProtoSchema, create(ModelProtoSchema, { metadataProps: [entry] }))
  await expect(statedIo(memorySource('model.onnx', bytes))).rejects.toMatchObject({
    code: 'malformed',
  })
})

function statement(edit: Readonly<Record<string, unknown>>): string {
  const tensor = { name: 'x', dtype: 'uint8', scale: 0.5, zeroPoint: 3, ...edit }
  return JSON.stringify({ inputs: [tensor], outputs: [] })
}

test('metadata of others is no statement', async () => {
  const entry = create(StringStringEntryProtoSchema, { key: 'author', value: '[]' })
  const bytes = toBinary(ModelProtoSchema, create(ModelProtoSchema, { metadataProps: [entry] }))
  expect(await statedIo(memorySource('model.onnx', bytes))).toBeNull()
})

test('a float file states nothing', async () => {
  const model = smallModel({ nodes: CONVOLUTIONS, shape: SHAPE, constants: CONSTANTS })
  const { plan, bytes } = await quantized(model, { io: 'float' })
  expect(modelIo(plan)).toBeNull()
  expect(await statedIo(memorySource('model.onnx', bytes))).toBeNull()
  expect(plan).not.toHaveProperty('io')
  expect(fromBinary(ModelProtoSchema, bytes).metadataProps).toEqual([])
})

test('Gemm gives integers when the output is integers', async () => {
  const gemm = smallModel({
    nodes: [node('Gemm', ['x', 'm'], 'y')],
    shape: [8, 8],
    constants: { m: CONSTANTS.m },
  })
  const made = await bothOutputs(gemm, { shape: [8, 8] })
  const [output] = made.ends.outputs
  if (output === undefined) throw new TypeError('the output stayed float')
  expect(made.integers.get('y')).toEqual(codesOf(made.floats.get('y') ?? [], output))
  expect(await optimisedOperators(made.bytes)).toEqual(['QGemm'])
})

test('a float tail is rounded at its end, and a finding says so', async () => {
  const model = smallModel({
    nodes: [...CONVOLUTIONS.slice(0, 2), node('Conv', ['r', 'w2'], 'c', { pads })].concat(
      node('Softmax', ['c'], 'y'),
    ),
    shape: SHAPE,
    constants: CONSTANTS,
  })
  const { plan, ends, integers, floats: values } = await bothOutputs(model)
  const [output] = ends.outputs
  if (output === undefined) throw new TypeError('the output stayed float')
  expect(integers.get('y')).toEqual(codesOf(values.get('y') ?? [], output))
  expect(plan.findings).toContainEqual(
    expect.objectContaining({ code: 'output-rounded', subject: 'y' }),
  )
})

test('an output joined from boxes and scores can stay float', async () => {
  const model = smallModel({
    nodes: [
      ...CONVOLUTIONS.slice(0, 2),
      node('Conv', ['r', 'w2'], 'boxes', { pads }),
      node('Conv', ['r', 'w1'], 's', { pads }),
      node('Sigmoid', ['s'], 'scores'),
      node('Concat', ['boxes', 'scores'], 'y', { axis: { kind: 'int', value: 1 } }),
    ],
    shape: SHAPE,
    constants: CONSTANTS,
  })
  const { plan } = await quantized(model)
  expect(plan.findings).toContainEqual(expect.objectContaining({ code: 'output-rounded' }))
  const edited = { ...plan, io: { inputs: ['x'], outputs: [] } }
  const { bytes } = await quantized(model, { plan: edited })
  const { graph } = fromBinary(ModelProtoSchema, bytes)
  const [output] = graph?.output ?? []
  expect(output?.type?.value).toMatchObject({ value: { elemType: TensorProto_DataType.FLOAT } })
})

test('readers of an end see what its codes stand for, also in a branch', async () => {
  const choice = node('If', ['flag'], 'z')
  choice.attribute.push(branch('t', 'Neg'), branch('e', 'Abs'))
  const model = smallModel({
    nodes: [...CONVOLUTIONS, node('Neg', ['x'], 'n'), choice],
    shape: SHAPE,
    constants: CONSTANTS,
    outputs: ['y', 'z', 'n'],
  })
  const { BOOL } = TensorProto_DataType
  const rawData = Uint8Array.of(1)
  model.graph?.initializer.push(
    create(TensorProtoSchema, { name: 'flag', dataType: BOOL, rawData }),
  )
  const { ends, integers, floats: values } = await bothOutputs(model)
  expect(ends.outputs.map(({ name }) => name)).toEqual(['y', 'z', 'n'])
  for (const output of ends.outputs) {
    expect(integers.get(output.name)).toEqual(codesOf(values.get(output.name) ?? [], output))
  }
})

function branch(output: string, op: string): AttributeProto {
  const { graph } = smallModel({ nodes: [node(op, ['y'], output)], shape: [], outputs: [output] })
  if (graph === undefined) throw new TypeError('no graph')
  graph.input = []
  const name = output === 't' ? 'then_branch' : 'else_branch'
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g: graph })
}

test('a plan that names other inputs is refused', async () => {
  const model = smallModel({ nodes: CONVOLUTIONS, shape: SHAPE, constants: CONSTANTS })
  const { plan } = await quantized(model)
  for (const io of [
    { inputs: ['r'], outputs: [] },
    { inputs: [], outputs: ['w1'] },
  ]) {
    await expect(quantized(model, { plan: { ...plan, io } })).rejects.toMatchObject({
      code: 'invalid-plan',
    })
  }
})

test('a model without integer operators has integer ends all the same', async () => {
  const model = smallModel({ nodes: [node('Exp', ['x'], 'y')], shape: [2, 8] })
  const { plan, ends, integers, floats: values } = await bothOutputs(model, { shape: [2, 8] })
  const [output] = ends.outputs
  if (output === undefined) throw new TypeError('the output stayed float')
  expect(integers.get('y')).toEqual(codesOf(values.get('y') ?? [], output))
  expect(plan.findings.map(({ code }) => code)).toContain('no-integer-operators')
})
