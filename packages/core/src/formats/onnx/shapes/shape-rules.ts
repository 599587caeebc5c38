import { attributeOf, intOf, stringOf } from '../opset/node-edit.ts'
import {
  concat,
  flatten,
  gather,
  reshape,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from './arrange-shapes.ts'
import type { Shape, ShapeCall, ShapeRule } from './shape-call.ts'
import { axesOf, axisOf, broadcast, intsOf, times } from './shape-call.ts'
import { conv, convTranspose, globalPool, pool } from './window-shapes.ts'

/** What a node's outputs look like; nothing for operators that are not in the table. */
export function outputShapes(call: ShapeCall): readonly (Shape | undefined)[] {
  const { opType, domain } = call.node
  if (domain !== '' && domain !== 'ai.onnx') return []
  const rule = Object.hasOwn(RULES, opType) ? RULES[opType] : undefined
  return rule?.(call) ?? []
}

const same: ShapeRule = ({ shape }) => [shape(0)]

const wide: ShapeRule = ({ node, shape }) => [broadcast(node.input.map((_, at) => shape(at)))]

const matmul: ShapeRule = ({ shape }) => {
  const [a, b] = [shape(0), shape(1)]
  if (a === undefined || b === undefined || a.length === 0 || b.length === 0) return []
  const batch = broadcast([a.slice(0, -2), b.slice(0, -2)]) ?? []
  const rows = a.length > 1 ? [a.at(-2) ?? null] : []
  const columns = b.length > 1 ? [b.at(-1) ?? null] : []
  return [[...batch, ...rows, ...columns]]
}

const gemm: ShapeRule = ({ node, shape }) => {
  const [a, b] = [shape(0), shape(1)]
  if (a === undefined || b === undefined) return []
  const rows = a[intOf(node, 'transA') ? 1 : 0] ?? null
  return [[rows, b[intOf(node, 'transB') ? 0 : 1] ?? null]]
}

const reduce: ShapeRule = (call) => {
  const { node, shape } = call
  const x = shape(0)
  if (x === undefined) return []
  const hasAxes = attributeOf(node, 'axes') !== undefined || Boolean(node.input[1])
  const axes = axesOf(call, 1, x.length) ?? (hasAxes ? undefined : x.map((_, axis) => axis))
  if (axes === undefined) return []
  const keeps = (intOf(node, 'keepdims') ?? 1) === 1
  return [x.flatMap((size, axis) => (axes.includes(axis) ? (keeps ? [1] : []) : [size]))]
}

const argReduce: ShapeRule = ({ node, shape }) => {
  const x = shape(0)
  if (x === undefined) return []
  const at = axisOf(intOf(node, 'axis') ?? 0, x.length)
  const keeps = (intOf(node, 'keepdims') ?? 1) === 1
  return [x.flatMap((size, axis) => (axis === at ? (keeps ? [1] : []) : [size]))]
}

const resize: ShapeRule = ({ node, shape, values }) => {
  const x = shape(0)
  if (x === undefined) return []
  const isUpsample = node.opType === 'Upsample'
  const sizes = node.input[3] ? values(3) : undefined
  if (sizes?.length === x.length) return [sizes]
  const scales =
    attributeOf(node, 'scales')?.floats ?? values(isUpsample || node.input.length === 2 ? 1 : 2)
  if (scales?.length !== x.length) return []
  return [x.map((size, axis) => scaled(size, scales[axis] ?? null))]
}

function scaled(size: number | null, scale: number | null): number | null {
  return size === null || scale === null ? null : Math.floor(size * scale)
}

const pad: ShapeRule = ({ node, shape, values }) => {
  const x = shape(0)
  const pads = intsOf(node, 'pads') ?? values(1)
  if (x === undefined || pads?.length !== 2 * x.length || node.input[3]) return []
  return [
    x.map((size, axis) => {
      const [before, after] = [pads[axis] ?? null, pads[axis + x.length] ?? null]
      return size === null || before === null || after === null ? null : size + before + after
    }),
  ]
}

const tile: ShapeRule = ({ shape, values }) => {
  const repeats = values(1)
  return [shape(0)?.map((size, axis) => times(size, repeats?.[axis] ?? null))]
}

const depthToSpace: ShapeRule = ({ node, shape }) => {
  const [n = null, c = null, h = null, w = null] = shape(0) ?? []
  const block = intOf(node, 'blocksize') ?? 1
  return [[n, divided(c, block * block), times(h, block), times(w, block)]]
}

const spaceToDepth: ShapeRule = ({ node, shape }) => {
  const [n = null, c = null, h = null, w = null] = shape(0) ?? []
  const block = intOf(node, 'blocksize') ?? 1
  return [[n, times(c, block * block), divided(h, block), divided(w, block)]]
}

function divided(size: number | null, by: number): number | null {
  return size === null ? null : Math.floor(size / by)
}

/** X (steps, batch, inputs) -> Y (steps, directions, batch, hidden), and the last states. */
const recurrent: ShapeRule = ({ node, shape }) => {
  const [x, r] = [shape(0), shape(2)]
  const hidden = intOf(node, 'hidden_size') ?? r?.[2] ?? null
  const directions = stringOf(node, 'direction') === 'bidirectional' ? 2 : 1
  if (x === undefined) return []
  const [steps = null, batch = null] = x
  const state = [directions, batch, hidden]
  return [[steps, ...state], state, state]
}

const RULES: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(
    [
      'Abs',
      'BatchNormalization',
      'Cast',
      'Ceil',
      'Celu',
      'Clip',
      'Cos',
      'CumSum',
      'DequantizeLinear',
      'Dropout',
      'Elu',
      'Erf',
      'Exp',
      'Floor',
      'Gelu',
      'GroupNormalization',
      'HardSigmoid',
      'HardSwish',
      'Hardmax',
      'Identity',
      'InstanceNormalization',
      'IsNaN',
      'LRN',
      'LayerNormalization',
      'LeakyRelu',
      'Log',
      'LogSoftmax',
      'LpNormalization',
      'Mish',
      'Neg',
      'Not',
      'PRelu',
      'QuantizeLinear',
      'RMSNormalization',
      'Reciprocal',
      'Relu',
      'Round',
      'ScatterElements',
      'ScatterND',
      'Selu',
      'Sigmoid',
      'Sign',
      'Sin',
      'Softmax',
      'Softplus',
      'Softsign',
      'Sqrt',
      'Tanh',
      'ThresholdedRelu',
      'Trilu',
    ].map((op) => [op, same]),
  ),
  ...Object.fromEntries(
    [
      'Add',
      'And',
      'Div',
      'Equal',
      'Greater',
      'GreaterOrEqual',
      'Less',
      'LessOrEqual',
      'Max',
      'Mean',
      'Min',
      'Mod',
      'Mul',
      'Or',
      'Pow',
      'Sub',
      'Sum',
      'Where',
      'Xor',
    ].map((op) => [op, wide]),
  ),
  ...Object.fromEntries(
    ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'].map(
      (op) => [`Reduce${op}`, reduce],
    ),
  ),
  ArgMax: argReduce,
  ArgMin: argReduce,
  AveragePool: pool,
  Concat: concat,
  ConstantOfShape: ({ values }) => [values(0)],
  Conv: conv,
  ConvInteger: conv,
  ConvTranspose: convTranspose,
  DepthToSpace: depthToSpace,
  Expand: ({ shape, values }) => [broadcast([shape(0), values(1)])],
  Flatten: flatten,
  GRU: recurrent,
  Gather: gather,
  GatherElements: ({ shape }) => [shape(1)],
  Gemm: gemm,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  LSTM: recurrent,
  LpPool: pool,
  MatMul: matmul,
  MatMulInteger: matmul,
  MaxPool: pool,
  Pad: pad,
  RNN: recurrent,
  Reshape: reshape,
  Resize: resize,
  Shape: ({ shape }) => [[shape(0)?.length ?? null]],
  Size: () => [[]],
  Slice: slice,
  SpaceToDepth: spaceToDepth,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  Upsample: resize,
}
