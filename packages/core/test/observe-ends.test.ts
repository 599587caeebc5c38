import type { Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'

import type { Observed } from '../src/calibrate/activations/observe-dataset.ts'
import { observeDataset } from '../src/calibrate/activations/observe-dataset.ts'
import { withZero } from '../src/calibrate/ranges/value-range.ts'
import type { NodeProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import { onnxNode } from '../src/formats/onnx/nodes.ts'
import { scalar } from '../src/formats/onnx/opset/constants.ts'
import { TensorProto_DataType } from '../src/formats/onnx/generated/onnx_pb.ts'
import { editable } from '../src/formats/onnx/qdq/editable.ts'
import type { ObservedValue } from '../src/formats/onnx/qdq/observed-ends.ts'
import { writeObserved } from '../src/pipeline/write-observed.ts'
import { loadTaskDataset } from '../src/tasks/task-dataset.ts'
import type { Attribute } from '../src/graph/graph.ts'
import type { SmallModel } from './helpers/integer-model.ts'
import {
  calibrationFiles,
  constant,
  fileModel,
  floats,
  runningHost,
  smallModel,
} from './helpers/integer-model.ts'
import { random } from './helpers/opset.ts'

type Case = {
  readonly model: SmallModel
  readonly values: readonly ObservedValue[]
  readonly samples: readonly Tensor[]
  readonly opset?: number
}

/** What is seen when values are looked at, and when the model tells of them. */
async function observed(
  { model, values, samples, opset = 13 }: Case,
  by: 'values' | 'model',
): Promise<Observed> {
  const host = runningHost(calibrationFiles(samples))
  const built = smallModel(model)
  for (const entry of built.opsetImport) entry.version = BigInt(opset)
  const document = editable((await fileModel(built)).document)
  const request = { document, values, keep: 'ends', folder: 'scratch' } as const
  const { ends, ...whole } = await writeObserved(host, request)
  const dataset = await loadTaskDataset(host, 'data/cal.json', { labels: 'optional' })
  const shared = { dataset, folder: null, preprocess: null, ...whole }
  return observeDataset(host, by === 'model' ? { ...shared, ends: ends ?? null } : shared)
}

/** Numbers that were counted: of a value that the model tells of only its two ends, a sample. */
const counted = ({ states }: Observed): readonly number[] =>
  states.map(({ histogram }) => histogram.finite)

const ranges = ({ states }: Observed) => states.map(({ histogram }) => withZero(histogram))

const averages = ({ states }: Observed) =>
  states.map(({ moving }) => withZero(moving?.average ?? { min: NaN, max: NaN }))

function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): NodeProto {
  return onnxNode({ op, name: output, inputs, outputs: [output], attributes })
}

const ints = (...value: readonly number[]): Attribute => ({ kind: 'ints', value })

/** Values of all kinds: with and without space, of both signs and of one, with channels on each axis. */
const MIXED: SmallModel = {
  shape: [2, 3, 8, 8],
  nodes: [
    node('Conv', ['x', 'w', 'b'], 'conv', { pads: ints(1, 1, 1, 1) }),
    node('Relu', ['conv'], 'relu'),
    node('MaxPool', ['relu'], 'pool', { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
    node('Clip', ['conv', 'zero', 'six'], 'clip'),
    node('Clip', ['conv', 'half', 'six'], 'low'),
    node('Sigmoid', ['conv'], 'sigmoid'),
    node('Mul', ['conv', 'sigmoid'], 'silu'),
    node('Conv', ['silu', 'w2'], 'conv2'),
    node('Flatten', ['pool'], 'flat'),
    node('MatMul', ['flat', 'm'], 'product'),
    node('MatMul', ['silu', 'm2'], 'last'),
    node('Transpose', ['last'], 'turned', { perm: ints(0, 2, 3, 1) }),
    node('ReduceMean', ['relu'], 'one', { keepdims: { kind: 'int', value: 0 } }),
  ],
  constants: {
    w: constant([4, 3, 3, 3], 1),
    b: constant([4], 2),
    w2: constant([2, 4, 1, 1], 3),
    m: constant([64, 3], 4),
    m2: constant([8, 6], 5),
    zero: scalar(TensorProto_DataType.FLOAT, 0),
    half: scalar(TensorProto_DataType.FLOAT, -0.5),
    six: scalar(TensorProto_DataType.FLOAT, 6),
  },
  outputs: ['conv2', 'product', 'turned', 'clip', 'low', 'one'],
}

const MIXED_VALUES: readonly ObservedValue[] = [
  { name: 'x', channels: 'second' },
  { name: 'conv', channels: null },
  { name: 'relu', channels: null },
  { name: 'pool', channels: null },
  { name: 'clip', channels: null },
  { name: 'low', channels: null },
  { name: 'sigmoid', channels: null },
  { name: 'silu', channels: 'second' },
  { name: 'conv2', channels: null },
  { name: 'flat', channels: 'last' },
  { name: 'product', channels: null },
  { name: 'last', channels: 'last' },
  { name: 'turned', channels: null },
  { name: 'one', channels: null },
]

const samplesOf = (shape: readonly number[], count: number): readonly Tensor[] =>
  Array.from({ length: count }, (_, at) => random(shape, at + 1, (x) => x * (1 + at / 4)))

test.for([13, 18, 21])('a model tells the ranges of its own values: opset %i', async (opset) => {
  const samples = samplesOf(MIXED.shape, 11)
  const one = { model: MIXED, values: MIXED_VALUES, samples, opset }
  const byValues = await observed(one, 'values')
  const byModel = await observed(one, 'model')
  expect(counted(byModel).slice(1)).toEqual(MIXED_VALUES.slice(1).map(() => 2 * samples.length))
  expect(ranges(byModel)).toEqual(ranges(byValues))
  expect(averages(byModel)).toEqual(averages(byValues))
})

test('a model tells the means of channels, to the rounding of float32', async () => {
  const one = { model: MIXED, values: MIXED_VALUES, samples: samplesOf(MIXED.shape, 5) }
  const byValues = await observed(one, 'values')
  const byModel = await observed(one, 'model')
  const wanted = byValues.means.map((means) => means?.length)
  expect(wanted.filter((length) => length !== undefined)).toEqual([3, 4, 64, 6])
  expect(byModel.means.map((means) => means?.length)).toEqual(wanted)
  for (const [at, means] of byModel.means.entries()) {
    for (const [c, mean] of (means ?? []).entries()) {
      expect(mean).toBeCloseTo(byValues.means[at]?.[c] ?? NaN, 5)
    }
  }
})

test.for([
  { name: 'NaN', bad: NaN },
  { name: 'an infinite number', bad: Infinity },
])('$name in a value has the values looked at', async ({ bad }) => {
  const samples = samplesOf(MIXED.shape, 10)
  const broken = random(MIXED.shape, 50)
  floats(broken).fill(bad, 100, 101)
  const one = { model: MIXED, values: MIXED_VALUES, samples: samples.toSpliced(3, 1, broken) }
  const byValues = await observed(one, 'values')
  const byModel = await observed(one, 'model')
  const notFinite = ({ states }: Observed) => states.map(({ histogram }) => histogram.notFinite)
  expect(notFinite(byModel)).toEqual(notFinite(byValues))
  expect(notFinite(byModel)[1]).toBeGreaterThan(0)
  expect(ranges(byModel)).toEqual(ranges(byValues))
  // Told are the three samples before it and the two of the second job; conv2 has 256 numbers.
  expect(counted(byModel)[8]).toBe(2 * 5 + 256 * 5 - (notFinite(byModel)[8] ?? NaN))
})

test('NaN is found wherever it stands, though the largest number may not show it', async () => {
  const model: SmallModel = { shape: [1, 19], nodes: [node('Add', ['x', 'x'], 'y')] }
  for (let at = 0; at < 19; at++) {
    const sample = random(model.shape, 7)
    floats(sample)[at] = NaN
    const one = { model, values: [{ name: 'y', channels: null }], samples: [sample] }
    const { states } = await observed(one, 'model')
    expect(states[0]?.histogram).toMatchObject({ finite: 18, notFinite: 1 })
  }
})

test('a value without numbers is left out', async () => {
  const model: SmallModel = {
    shape: [1, 4],
    nodes: [
      node('Slice', ['x', 'two', 'two'], 'none'),
      node('Relu', ['x'], 'some'),
      node('Concat', ['none', 'some'], 'y', { axis: { kind: 'int', value: 0 } }),
    ],
    constants: {
      two: { elementType: TensorProto_DataType.INT64, dims: [1], values: [2] },
    },
  }
  const names = ['none', 'some', 'y']
  const values = names.map((name): ObservedValue => ({ name, channels: null }))
  const one = { model, values, samples: samplesOf([1, 4], 3) }
  const byModel = await observed(one, 'model')
  expect(ranges(byModel)).toEqual(ranges(await observed(one, 'values')))
  expect(counted(byModel)).toEqual([0, 12, 12])
})
