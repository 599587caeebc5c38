import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'

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
import { onnxNode } from '../src/formats/onnx/nodes.ts'
import type { NewConstant } from '../src/formats/onnx/opset/constants.ts'
import { int64List } from '../src/formats/onnx/opset/constants.ts'
import type { Calibrator } from '../src/calibrate/activations/decide-ranges.ts'
import { CALIBRATORS } from '../src/calibrate/activations/decide-ranges.ts'
import type { Settings } from '../src/config/settings.ts'
import type { ModelIo } from '../src/pipeline/quantize-static.ts'
import { quantizeStaticFile } from '../src/pipeline/quantize-static.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import { readPlan } from '../src/plan/read-plan.ts'
import type { RuntimeProfile } from '../src/targets/integer-kernels.ts'
import { LIGHT_OPERATORS } from '../src/targets/integer-kernels.ts'
import type { Attribute } from '../src/graph/graph.ts'
import {
  calibrationFiles,
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

const SHAPE = [1, 4, 8, 8]

const samples = Array.from({ length: 10 }, (_, at) => random(SHAPE, at + 1))

const probe = random(SHAPE, 99)

type Options = {
  readonly settings?: Settings
  readonly runtime?: RuntimeProfile
  readonly plan?: Plan | null
  readonly calibrator?: Calibrator
  readonly io?: ModelIo
  readonly data?: readonly Tensor[]
}

async function quantized(model: ModelProto, options: Options = {}) {
  const host = runningHost(calibrationFiles(options.data ?? samples))
  const { plan } = await quantizeStaticFile(host, {
    model: await fileModel(model),
    // A plan decides alone: beside it, the command line takes no precision.
    config: config(options.plan ? {} : (options.settings ?? { precision: 'w8a8' })),
    runtime: options.runtime ?? 'x86-vnni',
    calibrator: options.calibrator ?? 'auto',
    io: options.io ?? 'float',
    scratch: 'scratch',
    plan: options.plan ?? null,
    place: { folder: 'out', name: 'int8' },
  })
  return { plan, bytes: host.files.get('out/int8.onnx') }
}

function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): NodeProto {
  return onnxNode({ op, name: output, inputs, outputs: [output], attributes })
}

function conv(input: string, weight: string, output: string, bias?: string): NodeProto {
  const pads = { kind: 'ints', value: [1, 1, 1, 1] } as const
  const inputs = [input, weight, ...(bias === undefined ? [] : [bias])]
  return node('Conv', inputs, output, { pads })
}

const CONSTANTS = {
  w1: constant([4, 4, 3, 3], 11, 0.2),
  w2: constant([4, 4, 3, 3], 12, 0.2),
  b1: constant([4], 13),
}

const floatBytes = (model: ModelProto): Uint8Array => toBinary(ModelProtoSchema, model)

describe('operators between two convolutions run on integers', () => {
  const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value })
  const pool = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }
  const cases: Readonly<
    Record<
      string,
      {
        readonly nodes: readonly NodeProto[]
        readonly constants?: Readonly<Record<string, NewConstant>>
      }
    >
  > = {
    Add: { nodes: [node('Add', ['a', 'c'], 'z')] },
    Mul: { nodes: [node('Mul', ['a', 'c'], 'z')] },
    Concat: { nodes: [node('Concat', ['a', 'c'], 'z', { axis: { kind: 'int', value: 2 } })] },
    AveragePool: { nodes: [node('AveragePool', ['a'], 'z', pool)] },
    GlobalAveragePool: { nodes: [node('GlobalAveragePool', ['a'], 'z')] },
    Sigmoid: { nodes: [node('Sigmoid', ['a'], 'z')] },
    LeakyRelu: { nodes: [node('LeakyRelu', ['a'], 'z', { alpha: { kind: 'float', value: 0.1 } })] },
    MaxPool: { nodes: [node('MaxPool', ['a'], 'z', pool)] },
    Resize: {
      nodes: [node('Resize', ['a', '', 'sizes'], 'z')],
      constants: {
        sizes: { elementType: TensorProto_DataType.FLOAT, dims: [4], values: [1, 1, 2, 2] },
      },
    },
    Reshape: {
      nodes: [node('Reshape', ['a', 's'], 'z')],
      constants: { s: int64List([1, 4, 4, 16]) },
    },
    Flatten: {
      nodes: [node('Flatten', ['a'], 'f'), node('Reshape', ['f', 's'], 'z')],
      constants: { s: int64List([1, 4, 4, 16]) },
    },
    Squeeze: {
      nodes: [node('Squeeze', ['a', 's'], 'f'), node('Unsqueeze', ['f', 's'], 'z')],
      constants: { s: int64List([0]) },
    },
    Unsqueeze: {
      nodes: [node('Unsqueeze', ['a', 's'], 'f'), node('Squeeze', ['f', 's'], 'z')],
      constants: { s: int64List([0]) },
    },
    Transpose: { nodes: [node('Transpose', ['a'], 'z', { perm: ints([0, 1, 3, 2]) })] },
    DepthToSpace: {
      nodes: [
        node('Concat', ['a', 'a', 'c', 'c'], 'k', { axis: { kind: 'int', value: 1 } }),
        node('DepthToSpace', ['k'], 'z', { blocksize: { kind: 'int', value: 2 } }),
      ],
    },
    Split: {
      nodes: [
        onnxNode({
          op: 'Split',
          name: 'split',
          inputs: ['a', 's'],
          outputs: ['p', 'q'],
          attributes: { axis: { kind: 'int', value: 2 } },
        }),
        node('Add', ['p', 'q'], 'z'),
      ],
      constants: { s: int64List([4, 4]) },
    },
  }

  test('every operator of the table is tried', () => {
    expect(Object.keys(cases).toSorted()).toEqual(Object.keys(LIGHT_OPERATORS).toSorted())
  })

  test.for(Object.keys(LIGHT_OPERATORS))('%s', async (op) => {
    const { nodes = [], constants = {} } = cases[op] ?? {}
    const isRead = nodes.some(({ input }) => input.includes('c'))
    const second = isRead ? [conv('x', 'w2', 'c')] : []
    const model = smallModel({
      nodes: [conv('x', 'w1', 'a', 'b1'), ...second, ...nodes, conv('z', 'w2', 'y')],
      shape: SHAPE,
      constants: { ...CONSTANTS, ...constants },
    })
    const { bytes } = await quantized(model)
    const operators = await optimisedOperators(bytes)
    expect(operators.filter((each) => each === 'QuantizeLinear')).toHaveLength(1)
    expect(operators.filter((each) => each === 'DequantizeLinear')).toHaveLength(1)
    expect(operators).not.toContain('Conv')
    expect(operators).not.toContain('FusedConv')
    const [float, int8] = [await runFile(floatBytes(model), probe), await runFile(bytes, probe)]
    expect(sqnrDb(float.get('y'), int8.get('y'))).toBeGreaterThan(25)
  })
})

const TWO_CONVOLUTIONS = smallModel({
  nodes: [
    conv('x', 'w1', 'a', 'b1'),
    node('Relu', ['a'], 'r'),
    conv('r', 'w2', 'c'),
    node('Clip', ['c', 'low', 'six'], 'y'),
  ],
  shape: SHAPE,
  constants: {
    ...CONSTANTS,
    low: { elementType: TensorProto_DataType.FLOAT, dims: [], values: [0] },
    six: { elementType: TensorProto_DataType.FLOAT, dims: [], values: [0.5] },
  },
})

test.for(['x86-vnni', 'x86-legacy', 'arm64'] as const)(
  'Relu and Clip are done by QuantizeLinear: %s',
  async (runtime) => {
    const { plan, bytes } = await quantized(TWO_CONVOLUTIONS, { runtime })
    const operators = await optimisedOperators(bytes)
    expect(operators.filter((op) => op === 'QLinearConv')).toHaveLength(2)
    expect(operators).not.toContain('Relu')
    expect(operators).not.toContain('Clip')
    const lowest = runtime === 'arm64' ? -128 : 0
    for (const tensor of ['r', 'y']) {
      const found = plan.activations?.find((each) => each.tensor === tensor)
      expect(found?.zeroPoint).toBe(lowest)
    }
    const [float, int8] = [
      await runFile(floatBytes(TWO_CONVOLUTIONS), probe),
      await runFile(bytes, probe),
    ]
    expect(sqnrDb(float.get('y'), int8.get('y'))).toBeGreaterThan(30)
    expect(Math.max(...(int8.get('y') ?? []))).toBeLessThanOrEqual(0.5)
  },
)

test('the plan names every activation and operator, and comes back from JSON', async () => {
  const { plan } = await quantized(TWO_CONVOLUTIONS)
  expect(plan.activations?.map(({ tensor }) => tensor)).toEqual(['x', 'r', 'y'])
  expect(plan.operators).toMatchObject([
    { node: 'a', op: 'Conv', runs: 'integer' },
    { node: 'c', op: 'Conv', runs: 'integer' },
  ])
  expect(readPlan(JSON.parse(JSON.stringify(plan)), 'plan.json')).toEqual(plan)
  const weight = plan.layers.find(({ layer }) => layer === 'model.w1')
  expect(weight?.bytes).toEqual({ codes: 144, scales: 16, zeroPoints: 4 })
})

test('an edited plan is followed: another range, and an operator in float', async () => {
  const { plan, bytes } = await quantized(TWO_CONVOLUTIONS)
  const same = await quantized(TWO_CONVOLUTIONS, { plan, data: [] })
  expect(same.bytes).toEqual(bytes)
  expect(same.plan).toEqual(plan)
  const operators = plan.operators?.map((each) =>
    each.node === 'c' ? { ...each, runs: 'float' as const, reason: 'it was tried' } : each,
  )
  const edited = await quantized(TWO_CONVOLUTIONS, { plan: { ...plan, operators }, data: [] })
  const run = await optimisedOperators(edited.bytes)
  expect(run.filter((op) => op === 'QLinearConv')).toHaveLength(1)
  expect(edited.plan.operators).toContainEqual(
    expect.objectContaining({ node: 'c', runs: 'float', reason: 'it was tried' }),
  )
})

test('a plan that lacks a range is refused', async () => {
  const { plan } = await quantized(TWO_CONVOLUTIONS)
  const activations = plan.activations?.filter(({ tensor }) => tensor !== 'r')
  await expect(
    quantized(TWO_CONVOLUTIONS, { plan: { ...plan, activations } }),
  ).rejects.toMatchObject({ code: 'invalid-plan' })
})

test.for([{ zeroPoint: -1 }, { zeroPoint: 256 }, { scale: 1e-60 }, { scale: 1e60 }])(
  'a plan with a range that codes cannot have is refused: %j',
  async (edit) => {
    const { plan } = await quantized(TWO_CONVOLUTIONS)
    const activations = plan.activations?.map((each) => ({ ...each, ...edit }))
    await expect(
      quantized(TWO_CONVOLUTIONS, { plan: { ...plan, activations } }),
    ).rejects.toMatchObject({ code: 'invalid-plan' })
  },
)

test('weights that stay out of integers are stored as the plan says', async () => {
  const { plan } = await quantized(TWO_CONVOLUTIONS)
  const operators = plan.operators?.map((each) =>
    each.node === 'c' ? { ...each, runs: 'float' as const } : each,
  )
  const layers = plan.layers.map((each) =>
    each.layer === 'model.w2'
      ? { ...each, scheme: { kind: 'float', dtype: 'float32' } as const }
      : each,
  )
  const edited = { ...plan, operators, layers }
  const { bytes } = await quantized(TWO_CONVOLUTIONS, { plan: edited, data: [] })
  const names = fromBinary(ModelProtoSchema, bytes ?? new Uint8Array()).graph?.initializer.map(
    ({ name }) => name,
  )
  expect(names).toContain('w2')
  expect(names).not.toContain('w2_quantized')
})

test('static without calibration data is a usage error that names the option', async () => {
  const host = runningHost()
  const settings = config({ precision: 'w8a8' })
  const request = {
    model: await fileModel(TWO_CONVOLUTIONS),
    config: { ...settings, calibration: { ...settings.calibration, data: null } },
    runtime: 'x86-vnni',
    calibrator: 'auto',
    io: 'float',
    scratch: 'scratch',
    plan: null,
    place: null,
  } as const
  await expect(quantizeStaticFile(host, request)).rejects.toThrow(/--calibration/u)
})

test('norms and constants behind a convolution are folded into it', async () => {
  const model = smallModel({
    nodes: [
      conv('x', 'w1', 'a', 'b1'),
      node('BatchNormalization', ['a', 'gamma', 'beta', 'mean', 'variance'], 'n'),
      node('Add', ['n', 'shift'], 's'),
      node('Mul', ['factor', 's'], 'm'),
      node('Relu', ['m'], 'r'),
      conv('r', 'w2', 'y'),
    ],
    shape: SHAPE,
    constants: {
      ...CONSTANTS,
      gamma: constant([4], 21),
      beta: constant([4], 22),
      mean: constant([4], 23),
      variance: { ...constant([4], 24), values: [0.5, 1, 2, 0.1] },
      shift: constant([1, 4, 1, 1], 25),
      factor: constant([4, 1, 1], 26),
    },
  })
  const { bytes } = await quantized(model)
  const operators = await optimisedOperators(bytes)
  expect(operators.filter((op) => op === 'QLinearConv')).toHaveLength(2)
  expect(operators).not.toContain('BatchNormalization')
  const [float, int8] = [await runFile(floatBytes(model), probe), await runFile(bytes, probe)]
  expect(sqnrDb(float.get('y'), int8.get('y'))).toBeGreaterThan(28)
})

test('heads of different ranges are joined in float', async () => {
  const model = smallModel({
    nodes: [
      conv('x', 'w1', 'a'),
      node('Relu', ['a'], 'r'),
      conv('r', 'w2', 'boxes'),
      conv('r', 'w3', 's'),
      node('Sigmoid', ['s'], 'scores'),
      node('Concat', ['boxes', 'scores'], 'y', { axis: { kind: 'int', value: 1 } }),
    ],
    shape: SHAPE,
    constants: {
      ...CONSTANTS,
      w2: constant([4, 4, 3, 3], 12, 40),
      w3: constant([4, 4, 3, 3], 31, 0.1),
    },
  })
  const { plan, bytes } = await quantized(model)
  expect(await optimisedOperators(bytes)).toContain('Concat')
  expect(plan.operators).toContainEqual(expect.objectContaining({ node: 'y', runs: 'float' }))
  const [float, int8] = [await runFile(floatBytes(model), probe), await runFile(bytes, probe)]
  const scores = (all: ReadonlyMap<string, Float32Array>) => all.get('y')?.subarray(4 * 64)
  expect(sqnrDb(scores(float), scores(int8))).toBeGreaterThan(30)
})

test('a value that a branch captures keeps its name and meaning', async () => {
  const branch = (output: string, op: string): AttributeProto => {
    const { graph } = smallModel({ nodes: [node(op, ['r'], output)], shape: [], outputs: [output] })
    if (graph === undefined) throw new TypeError('no graph')
    graph.input = []
    const name = output === 't' ? 'then_branch' : 'else_branch'
    return create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.GRAPH,
      g: graph,
    })
  }
  const choice = node('If', ['flag'], 'y')
  choice.attribute.push(branch('t', 'Neg'), branch('e', 'Abs'))
  const model = smallModel({
    nodes: [conv('x', 'w1', 'a', 'b1'), node('Relu', ['a'], 'r'), conv('r', 'w2', 'z'), choice],
    shape: SHAPE,
    constants: CONSTANTS,
    outputs: ['y', 'z'],
  })
  const { BOOL } = TensorProto_DataType
  const rawData = Uint8Array.of(1)
  model.graph?.initializer.push(
    create(TensorProtoSchema, { name: 'flag', dataType: BOOL, rawData }),
  )
  const { bytes } = await quantized(model)
  const [float, int8] = [await runFile(floatBytes(model), probe), await runFile(bytes, probe)]
  for (const output of ['y', 'z']) {
    expect(sqnrDb(float.get(output), int8.get(output))).toBeGreaterThan(28)
  }
})

test('channels without weights keep their bias', async () => {
  const w1 = {
    ...CONSTANTS.w1,
    values: CONSTANTS.w1.values.map((w, at) => (at < 36 ? 0 : Number(w))),
  }
  const model = smallModel({
    nodes: [conv('x', 'w1', 'y', 'b1')],
    shape: SHAPE,
    constants: { ...CONSTANTS, w1, b1: { ...CONSTANTS.b1, values: [0.37, -4000, 0, 1] } },
  })
  const { plan, bytes } = await quantized(model)
  const int8 = await runFile(bytes, probe)
  const step = plan.activations?.find(({ tensor }) => tensor === 'y')?.scale ?? 0
  for (const y of int8.get('y')?.subarray(0, 64) ?? []) {
    expect(Math.abs(y - 0.37)).toBeLessThanOrEqual(step)
  }
  for (const y of int8.get('y')?.subarray(64, 128) ?? []) {
    expect(Math.abs(y + 4000)).toBeLessThan(4000 * 0.02)
  }
})

test('the range of weights on old processors is 7 bits', async () => {
  const weights = async (runtime: RuntimeProfile) => {
    const { bytes } = await quantized(TWO_CONVOLUTIONS, { runtime })
    const model = await fileModel(fromBinary(ModelProtoSchema, bytes ?? new Uint8Array()))
    const tensor = model.document.model.graph?.initializer.find(
      ({ name }) => name === 'w1_quantized',
    )
    return Math.max(
      ...new Int8Array(tensor?.rawData.slice().buffer ?? new ArrayBuffer(0)).map(Math.abs),
    )
  }
  expect(await weights('x86-vnni')).toBe(127)
  expect(await weights('x86-legacy')).toBe(64)
})

test('layers asked otherwise keep their activations in float', async () => {
  const settings: Settings = {
    precision: 'w8a8',
    layers: [{ pattern: 'model.w2', precision: 'fp32' }],
  }
  const { plan } = await quantized(TWO_CONVOLUTIONS, { settings })
  expect(plan.operators).toContainEqual(
    expect.objectContaining({
      node: 'c',
      runs: 'float',
      reason: 'its weight was asked to be fp32',
    }),
  )
})

test('the file has the predicted bytes, and what names and shapes take', async () => {
  const { plan, bytes } = await quantized(TWO_CONVOLUTIONS)
  const extra = (bytes?.length ?? 0) - plan.bytes
  expect(extra).toBeGreaterThan(0)
  expect(extra).toBeLessThan(4000)
  expect(plan.layers.map(({ layer }) => layer).toSorted()).toContain('model.w2_bias')
})

test('biases make up for what rounding the weights does to the mean', async () => {
  // Few large codes: one weight of 127 steps, and eight that all round down by almost half a step.
  const weights = Array.from({ length: 144 }, (_, at) => (at % 9 === 0 ? 1.27 : 0.0149))
  const model = smallModel({
    nodes: [node('Relu', ['x'], 'r'), conv('r', 'w1', 'y', 'b1')],
    shape: SHAPE,
    constants: { ...CONSTANTS, w1: { ...CONSTANTS.w1, values: weights.map(Math.fround) } },
  })
  const { plan, bytes } = await quantized(model)
  const activations = plan.activations?.map((each) => ({ ...each, means: undefined }))
  const plain = await quantized(model, { plan: { ...plan, activations }, data: [] })
  const reference = (await runFile(floatBytes(model), probe)).get('y') ?? new Float32Array(0)
  const bias = async (file: Uint8Array | undefined): Promise<number> => {
    const y = (await runFile(file, probe)).get('y') ?? new Float32Array(0)
    return Math.abs(
      y.reduce((sum, value, at) => sum + value - (reference[at] ?? NaN), 0) / y.length,
    )
  }
  expect(await bias(bytes)).toBeLessThan((await bias(plain.bytes)) / 3)
})

test.for(CALIBRATORS)('every calibrator gives ranges that work: %s', async (calibrator) => {
  const { plan, bytes } = await quantized(TWO_CONVOLUTIONS, { calibrator })
  const rules = new Set(plan.activations?.map(({ rule }) => rule))
  if (calibrator !== 'auto') expect([...rules]).toEqual([calibrator])
  const float = await runFile(floatBytes(TWO_CONVOLUTIONS), probe)
  const int8 = await runFile(bytes, probe)
  expect(sqnrDb(float.get('y'), int8.get('y'))).toBeGreaterThan(20)
})
