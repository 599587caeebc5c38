import { Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'

import { TensorProto_DataType } from '../src/formats/onnx/generated/onnx_pb.ts'
import { onnxNode } from '../src/formats/onnx/nodes.ts'
import { int64List, type NewConstant } from '../src/formats/onnx/opset/constants.ts'
import type { Attribute } from '../src/graph/graph.ts'
import {
  buildModel,
  difference,
  int64s,
  raised,
  random,
  run,
  type TestModel,
} from './helpers/opset.ts'

const { BOOL, DOUBLE, FLOAT, INT64 } = TensorProto_DataType

const int = (value: number): Attribute => ({ kind: 'int', value })
const ints = (...value: readonly number[]): Attribute => ({ kind: 'ints', value })
const float = (value: number): Attribute => ({ kind: 'float', value })
const floats = (...value: readonly number[]): Attribute => ({ kind: 'floats', value })
const text = (value: string): Attribute => ({ kind: 'string', value })
const floatList = (...values: readonly number[]): NewConstant => ({
  elementType: FLOAT,
  dims: [values.length],
  values,
})

type Case = Omit<TestModel, 'nodes'> & {
  readonly name: string
  readonly op: string
  readonly attributes?: Readonly<Record<string, Attribute>>
  /** Names in order; by default the inputs, then the constants. */
  readonly feed?: readonly string[]
  readonly ops?: string
  readonly target?: number
  readonly tolerance?: number
}

const image = random([1, 2, 5, 7])
const positive = random([2, 3, 4], 1, Math.abs)

const SOFTMAX: readonly Case[] = ['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op) => [
  { name: `${op} over the last axis`, op, opset: 11, inputs: { x: random([3, 5]) }, ops: op },
  {
    name: `${op} over several axes`,
    op,
    opset: 11,
    inputs: { x: random([2, 3, 4]) },
    attributes: { axis: int(1) },
    ops: `Shape, Flatten, ${op}, Reshape`,
  },
  {
    name: `${op} of unknown shape, by default`,
    op,
    opset: 7,
    shapes: 'unknown',
    inputs: { x: random([2, 3, 4]) },
    ops: `Shape, Flatten, ${op}, Reshape`,
  },
  {
    name: `${op} over one axis among ones`,
    op,
    opset: 9,
    inputs: { x: random([2, 6, 1, 1]) },
    attributes: { axis: int(1) },
    ops: op,
  },
  {
    name: `${op} of everything`,
    op,
    opset: 12,
    inputs: { x: random([2, 3, 4]) },
    attributes: { axis: int(-3) },
    ops: `Shape, Flatten, ${op}, Reshape`,
  },
  {
    name: `${op} over axis -1`,
    op,
    opset: 12,
    shapes: 'unknown',
    inputs: { x: random([2, 3, 4]) },
    attributes: { axis: int(-1) },
    ops: op,
  },
])

const REDUCTIONS: readonly Case[] = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
].flatMap((op) => [
  {
    name: `${op} of two axes`,
    op,
    opset: 11,
    inputs: { x: positive },
    attributes: { axes: ints(0, -1), keepdims: int(0) },
    ops: op,
  },
  { name: `${op} of all axes`, op, opset: 7, inputs: { x: positive } },
])

const AXES: readonly Case[] = [
  {
    name: 'Squeeze of listed axes',
    op: 'Squeeze',
    opset: 7,
    inputs: { x: random([1, 3, 1, 2]) },
    attributes: { axes: ints(0, 2) },
  },
  { name: 'Squeeze of all ones', op: 'Squeeze', opset: 11, inputs: { x: random([1, 3, 1, 2]) } },
  {
    name: 'Unsqueeze',
    op: 'Unsqueeze',
    opset: 11,
    inputs: { x: random([3, 2]) },
    attributes: { axes: ints(0, -1) },
  },
  {
    name: 'Slice',
    op: 'Slice',
    opset: 7,
    inputs: { x: random([4, 5, 6]) },
    attributes: { starts: ints(1, -4), ends: ints(3, 9_007_199_254_740_991), axes: ints(0, 2) },
  },
  {
    name: 'Slice of the first axes',
    op: 'Slice',
    opset: 9,
    inputs: { x: random([4, 5, 6]) },
    attributes: { starts: ints(1, 0), ends: ints(-1, 2) },
  },
  {
    name: 'TopK, with ties',
    op: 'TopK',
    opset: 9,
    inputs: { x: random([3, 9], 1, Math.round) },
    attributes: { k: int(4), axis: int(1) },
    outputs: { y: FLOAT, i: INT64 },
  },
  {
    name: 'Split by sizes',
    op: 'Split',
    opset: 11,
    inputs: { x: random([2, 7]) },
    attributes: { split: ints(3, 4), axis: int(1) },
    outputs: { y: FLOAT, z: FLOAT },
  },
  {
    name: 'Split into equal parts',
    op: 'Split',
    opset: 7,
    inputs: { x: random([6, 2]) },
    outputs: { y: FLOAT, z: FLOAT, w: FLOAT },
  },
]

const RESIZE: readonly Case[] = [
  ...['nearest', 'linear'].flatMap((mode): Case[] => [
    {
      name: `Upsample 7, ${mode}`,
      op: 'Upsample',
      opset: 7,
      inputs: { x: image },
      attributes: { mode: text(mode), scales: floats(1, 1, 1.5, 2.7) },
      ops: 'Resize',
    },
    {
      name: `Upsample 9, ${mode}, scales computed`,
      op: 'Upsample',
      opset: 9,
      inputs: { x: image, scales: new Tensor('float32', [1, 1, 2, 3], [4]) },
      attributes: { mode: text(mode) },
      ops: 'Resize',
    },
    ...[
      [2, 3],
      [0.6, 0.45],
      [1.7, 0.45],
    ].map(([h = 1, w = 1]): Case => {
      const isMixed = mode === 'nearest' && h > 1 && w < 1
      return {
        name: `Resize 10, ${mode}, scales ${h} and ${w}`,
        op: 'Resize',
        opset: 10,
        inputs: { x: image },
        constants: { scales: floatList(1, 1, h, w) },
        attributes: { mode: text(mode) },
        ops: isMixed ? 'Max, Resize, Min, Resize' : 'Resize',
      }
    }),
    {
      name: `Resize 10, ${mode}, scales computed`,
      op: 'Resize',
      opset: 10,
      inputs: { x: image, scales: new Tensor('float32', [1, 1, 1.7, 0.45], [4]) },
      attributes: { mode: text(mode) },
      ops: mode === 'nearest' ? 'Max, Resize, Min, Resize' : 'Resize',
    },
  ]),
  ...['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'].flatMap((how) =>
    ['nearest', 'linear', 'cubic'].map((mode): Case => ({
      name: `Resize 11 to sizes, ${how}, ${mode}`,
      op: 'Resize',
      opset: 11,
      inputs: { x: image },
      constants: { roi: floatList(), scales: floatList(), sizes: int64List([1, 2, 8, 3]) },
      attributes: { mode: text(mode), coordinate_transformation_mode: text(how) },
      ops: 'Resize',
    })),
  ),
  {
    name: 'Resize 11 by scales, with empty sizes',
    op: 'Resize',
    opset: 11,
    inputs: { x: image },
    constants: { roi: floatList(), scales: floatList(1, 1, 2, 2), sizes: int64List([]) },
    // ONNX Runtime refuses both at once; an empty name is what it takes.
    feed: ['x', 'roi', 'scales', ''],
  },
  {
    name: 'Resize 11 of half pixels rounded down, as TensorFlow does',
    op: 'Resize',
    opset: 11,
    inputs: { x: image },
    constants: { roi: floatList(), scales: floatList(1, 1, 1.5, 0.6) },
    attributes: {
      coordinate_transformation_mode: text('tf_half_pixel_for_nn'),
      nearest_mode: text('floor'),
    },
  },
  {
    name: 'Resize 11 of a region',
    op: 'Resize',
    opset: 11,
    inputs: { x: image },
    constants: {
      roi: floatList(0, 0, 0.2, 0.1, 1, 1, 0.7, 0.8),
      scales: floatList(1, 1, 1.5, 1.2),
    },
    attributes: {
      mode: text('linear'),
      coordinate_transformation_mode: text('tf_crop_and_resize'),
      extrapolation_value: float(3),
    },
  },
]

const perChannel = (seed: number): Tensor => random([3], seed)
const perPosition = (seed: number): Tensor => random([3, 4, 5], seed)
const norm = { x: random([2, 3, 4, 5]) }

const NORMALIZATION: readonly Case[] = [
  {
    name: 'BatchNormalization',
    op: 'BatchNormalization',
    opset: 7,
    inputs: { ...norm, s: perChannel(2), b: perChannel(3), m: perChannel(4), v: random([3], 9) },
    attributes: { epsilon: float(3), momentum: float(0.8) },
    ops: 'BatchNormalization',
  },
  {
    name: 'BatchNormalization of each position',
    op: 'BatchNormalization',
    opset: 7,
    inputs: { ...norm, s: perPosition(2), b: perPosition(3), m: perPosition(4), v: perPosition(5) },
    attributes: { epsilon: float(3), spatial: int(0) },
    ops: 'Sub, Add, Sqrt, Div, Mul, Add',
    tolerance: 2e-6,
  },
  ...['declared', 'unknown'].map((shapes): Case => ({
    name: `GroupNormalization, shapes ${shapes}`,
    op: 'GroupNormalization',
    opset: 18,
    inputs: { x: random([2, 6, 4]), s: random([2], 2), b: random([2], 3) },
    shapes: shapes === 'unknown' ? 'unknown' : 'declared',
    attributes: { num_groups: int(2) },
    tolerance: 1e-6,
  })),
]

const PARAMETERS: readonly Case[] = [
  {
    name: 'Clip',
    op: 'Clip',
    opset: 7,
    inputs: { x: random([3, 4]) },
    attributes: { min: float(-0.5), max: float(0.7) },
  },
  {
    name: 'Clip at one end',
    op: 'Clip',
    opset: 10,
    inputs: { x: random([3, 4]) },
    attributes: { min: float(0), max: float(3.4028234663852886e38) },
  },
  {
    name: 'Dropout',
    op: 'Dropout',
    opset: 7,
    inputs: { x: random([3, 4]) },
    attributes: { ratio: float(0.3) },
  },
  ...['constant', 'reflect', 'edge'].map((mode): Case => ({
    name: `Pad, ${mode}`,
    op: 'Pad',
    opset: 7,
    inputs: { x: random([4, 5]) },
    attributes: { mode: text(mode), pads: ints(1, 2, 0, 1), value: float(1.5) },
  })),
  {
    name: 'Pad of doubles that cuts',
    op: 'Pad',
    opset: 10,
    inputs: { x: new Tensor('float64', Float64Array.of(1, 2, 3, 4), [2, 2]) },
    attributes: { pads: ints(-1, 1, 0, 0), value: float(0.1) },
    outputs: { y: DOUBLE },
  },
  {
    name: 'Scatter',
    op: 'Scatter',
    opset: 9,
    inputs: { x: random([3, 3]), i: int64s([1, 0, 2, 0, 2, 1], [2, 3]), u: random([2, 3], 5) },
    ops: 'ScatterElements',
  },
  ...[undefined, 2].map((axis): Case => ({
    name: `DFT over axis ${axis ?? 'by default'}`,
    op: 'DFT',
    opset: 17,
    inputs: { x: random([2, 8, 4, 1]) },
    attributes: axis === undefined ? {} : { axis: int(axis), onesided: int(1) },
    target: 21,
  })),
  { name: 'Erf', op: 'Erf', opset: 9, inputs: { x: random([7]) }, ops: 'Erf' },
  ...['bilinear', 'bicubic', 'nearest'].map((mode): Case => ({
    name: `GridSample, ${mode}`,
    op: 'GridSample',
    opset: 16,
    inputs: { x: image, grid: random([1, 5, 6, 2]) },
    attributes: { mode: text(mode) },
  })),
  {
    name: 'GridSample by default',
    op: 'GridSample',
    opset: 16,
    inputs: { x: image, grid: random([1, 5, 6, 2]) },
  },
  ...['avg', 'max'].map((mode): Case => ({
    name: `RoiAlign, ${mode}`,
    op: 'RoiAlign',
    opset: 10,
    inputs: {
      x: random([1, 2, 8, 8]),
      rois: new Tensor('float32', [0, 0, 5, 5, 1, 2, 7, 6], [2, 4]),
      batch: int64s([0, 0]),
    },
    attributes: { mode: text(mode), output_height: int(2), output_width: int(3) },
    target: 21,
  })),
]

/** Operators whose changes add only; where kernels differ, the results may in the last bits. */
const COMPATIBLE: readonly Case[] = [
  ...[
    {},
    { auto_pad: text('SAME_UPPER') },
    { auto_pad: text('SAME_LOWER') },
    { pads: ints(1, 0, 1, 1), count_include_pad: int(1), ceil_mode: int(1) },
  ].map((attributes, i): Case => ({
    name: `AveragePool ${i}`,
    op: 'AveragePool',
    opset: 10,
    inputs: { x: image },
    attributes: { kernel_shape: ints(3, 2), strides: ints(2, 2), ...attributes },
    target: 25,
    tolerance: 2e-7,
  })),
  {
    name: 'MaxPool with ceil_mode',
    op: 'MaxPool',
    opset: 10,
    inputs: { x: image },
    attributes: { kernel_shape: ints(3, 2), strides: ints(3, 2), ceil_mode: int(1) },
    target: 25,
  },
  ...['SAME_UPPER', 'SAME_LOWER'].map((pad): Case => ({
    name: `ConvTranspose to an output shape, ${pad}`,
    op: 'ConvTranspose',
    opset: 7,
    inputs: { x: image, w: random([2, 3, 3, 3], 4) },
    attributes: { strides: ints(3, 2), output_shape: ints(14, 14), auto_pad: text(pad) },
    target: 25,
  })),
  {
    name: 'LSTM',
    op: 'LSTM',
    opset: 7,
    inputs: { x: random([5, 2, 3]), w: random([1, 16, 3], 2), r: random([1, 16, 4], 3) },
    attributes: { hidden_size: int(4) },
    outputs: { y: FLOAT, h: FLOAT, c: FLOAT },
    target: 25,
  },
  {
    name: 'OneHot with negative indices',
    op: 'OneHot',
    opset: 9,
    inputs: {
      i: int64s([-1, 0, 2, 5, -4]),
      depth: int64s([3]),
      values: new Tensor('float32', [0, 1], [2]),
    },
    target: 25,
  },
  {
    name: 'Equal',
    op: 'Equal',
    opset: 7,
    inputs: { x: int64s([1, 2, 3]), z: int64s([1, 4, 3]) },
    outputs: { y: BOOL },
    target: 25,
  },
]

const CASES: readonly Case[] = [
  ...SOFTMAX,
  ...REDUCTIONS,
  ...AXES,
  ...RESIZE,
  ...NORMALIZATION,
  ...PARAMETERS,
  ...COMPATIBLE,
]

test.for(CASES)('$name gives the same numbers at every operator set', async (each) => {
  const node = onnxNode({
    op: each.op,
    name: 'n',
    inputs: each.feed ?? [...Object.keys(each.inputs), ...Object.keys(each.constants ?? {})],
    outputs: Object.keys(each.outputs ?? { y: 0 }),
    attributes: each.attributes ?? {},
  })
  const before = buildModel({ ...each, nodes: [node] })
  const expected = await run(before, each.inputs)
  const last = each.target ?? 22
  // Every set is a place where a model may be asked to stop.
  for (const target of [11, 13, 18, 21, last]) {
    if (target <= each.opset || target > last) continue
    const after = raised(before, target)
    const results = await run(after, each.inputs)
    for (const [name, tensor] of expected) {
      expect(difference(results.get(name), tensor), `${name} at ${target}`).toBeLessThanOrEqual(
        each.tolerance ?? 0,
      )
    }
    if (target < 13 || each.ops === undefined) continue
    expect(after.graph?.node.map(({ opType }) => opType).join(', ')).toBe(each.ops)
  }
})
