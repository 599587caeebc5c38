import { MixbitError } from '../../../base/error.ts'
import type { MilDtype } from '../mil-dtype.ts'
import type { TensorType } from './tensor-type.ts'

/** What an operation says about itself. */
export type TypedCall = {
  readonly op: string
  /** The type of the first value that is bound to a parameter. */
  readonly type: (parameter: string) => TensorType | undefined
  /** The types of all values that are bound to it. */
  readonly types: (parameter: string) => readonly (TensorType | undefined)[]
  /** Integers or truth values of a parameter that is a constant. */
  readonly integers: (parameter: string) => readonly number[] | undefined
  /** The text of a parameter that is a constant. */
  readonly text: (parameter: string) => string | undefined
}

type Dims = TensorType['dims']

type Rule = (call: TypedCall) => TensorType | undefined

/**
 * The type of an operation's first output; `undefined` where no rule tells it. Throws `wrong-shape` with
 * the reason where its inputs cannot go together.
 *
 * @see https://github.com/apple/coremltools/tree/main/coremltools/converters/mil/mil/ops/defs
 */
export function outputType(call: TypedCall): TensorType | undefined {
  return Object.hasOwn(RULES, call.op) ? RULES[call.op]?.(call) : undefined
}

const same: Rule = ({ type }) => type('x')

const elementwise: Rule = (call) => broadcastOf(call, null)

const comparison: Rule = (call) => broadcastOf(call, 'bool')

function broadcastOf({ type }: TypedCall, dtype: MilDtype | null): TensorType | undefined {
  const [x, y] = [type('x'), type('y')]
  if (x === undefined || y === undefined) return undefined
  if (x.dtype !== y.dtype) throw impossible(`puts ${x.dtype} and ${y.dtype} together`)
  return { dtype: dtype ?? x.dtype, dims: broadcast(x.dims, y.dims) }
}

function broadcast(a: Dims, b: Dims): Dims {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [sizeAt(a, axis - rank), sizeAt(b, axis - rank)]
    if (left === 1) return right
    if (right === 1) return left
    if (left === null) return right
    if (right === null || left === right) return left
    throw impossible(`cannot put [${shown(a)}] and [${shown(b)}] together`)
  })
}

/** The size of an axis that is counted from the end; axes that are not there have size 1. */
function sizeAt(dims: Dims, fromEnd: number): number | null {
  const size = dims.at(fromEnd)
  return size === undefined || -fromEnd > dims.length ? 1 : size
}

function shown(dims: Dims): string {
  return dims.map((size) => size ?? '?').join(', ')
}

const CAST_DTYPES: Readonly<Record<string, MilDtype>> = {
  bool: 'bool',
  fp16: 'float16',
  fp32: 'float32',
  int16: 'int16',
  int32: 'int32',
  int8: 'int8',
  uint16: 'uint16',
  uint8: 'uint8',
}

const cast: Rule = ({ type, text }) => {
  const [x, name] = [type('x'), text('dtype') ?? '']
  const dtype = Object.hasOwn(CAST_DTYPES, name) ? CAST_DTYPES[name] : undefined
  return x === undefined || dtype === undefined ? undefined : { dtype, dims: x.dims }
}

/** Codes become what their scale is. */
const dequantize: Rule = ({ type }) => {
  const [input, scale] = [type('input'), type('scale')]
  if (input === undefined || scale === undefined) return undefined
  return { dtype: scale.dtype, dims: input.dims }
}

const quantize: Rule = ({ type, text }) => {
  const [input, name] = [type('input'), text('output_dtype') ?? '']
  const dtype = Object.hasOwn(CAST_DTYPES, name) ? CAST_DTYPES[name] : undefined
  return input === undefined || dtype === undefined ? undefined : { dtype, dims: input.dims }
}

/** y = x W' + b with W (outputs, inputs). */
const linear: Rule = ({ type }) => {
  const [x, weight] = [type('x'), type('weight')]
  if (x === undefined || weight === undefined) return undefined
  const [outputs = null, inputs = null] = weight.dims
  requireEqual(x.dims.at(-1) ?? null, inputs, 'channels')
  return { dtype: x.dtype, dims: [...x.dims.slice(0, -1), outputs] }
}

const matmul: Rule = ({ type, integers }) => {
  const [x, y] = [type('x'), type('y')]
  if (x === undefined || y === undefined || x.dims.length < 2 || y.dims.length < 2) return undefined
  const [left, right] = [
    lastTwo(x.dims, integers('transpose_x')),
    lastTwo(y.dims, integers('transpose_y')),
  ]
  requireEqual(left[1], right[0], 'inner sizes')
  const batch = broadcast(x.dims.slice(0, -2), y.dims.slice(0, -2))
  return { dtype: x.dtype, dims: [...batch, left[0], right[1]] }
}

function lastTwo(
  dims: Dims,
  transpose: readonly number[] | undefined,
): readonly [number | null, number | null] {
  const [rows = null, columns = null] = dims.slice(-2)
  return (transpose?.[0] ?? 0) === 0 ? [rows, columns] : [columns, rows]
}

function requireEqual(a: number | null, b: number | null, what: string): void {
  if (a !== null && b !== null && a !== b) throw impossible(`has ${a} and ${b} ${what}`)
}

/** Weight (O, I / groups, k...), x (N, I, d...). */
const conv: Rule = ({ type, integers, text }) => {
  const [x, weight] = [type('x'), type('weight')]
  if (x === undefined || weight === undefined || x.dims.length !== weight.dims.length)
    return undefined
  const [batch = null, channels = null, ...spatial] = x.dims
  const [outputs = null, inputs = null, ...kernel] = weight.dims
  const groups = integers('groups')?.[0] ?? 1
  requireEqual(channels, inputs === null ? null : inputs * groups, 'channels')
  const padding = text('pad_type') ?? 'valid'
  const dims = spatial.map((size, axis) => {
    const stride = integers('strides')?.[axis] ?? 1
    const dilation = integers('dilations')?.[axis] ?? 1
    const taps = kernel[axis] ?? null
    if (size === null || taps === null) return null
    if (padding.startsWith('same')) return Math.ceil(size / stride)
    const pad = padding === 'custom' ? padAt(integers('pad'), axis) : 0
    return Math.floor((size + pad - dilation * (taps - 1) - 1) / stride) + 1
  })
  return { dtype: x.dtype, dims: [batch, outputs, ...dims] }
}

function padAt(pad: readonly number[] | undefined, axis: number): number {
  return (pad?.[2 * axis] ?? 0) + (pad?.[2 * axis + 1] ?? 0)
}

const transpose: Rule = ({ type, integers }) => {
  const [x, perm] = [type('x'), integers('perm')]
  if (x === undefined || perm === undefined) return undefined
  if (perm.length !== x.dims.length)
    throw impossible(`arranges ${x.dims.length} axes as ${perm.join()}`)
  return { dtype: x.dtype, dims: perm.map((axis) => x.dims.at(axis) ?? null) }
}

const expandDims: Rule = ({ type, integers }) => {
  const [x, axes] = [type('x'), integers('axes')]
  if (x === undefined || axes === undefined) return undefined
  const rank = x.dims.length + axes.length
  const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)))
  const rest = [...x.dims]
  const dims = Array.from({ length: rank }, (_, axis) =>
    added.has(axis) ? 1 : (rest.shift() ?? null),
  )
  return { dtype: x.dtype, dims }
}

const squeeze: Rule = ({ type, integers }) => {
  const [x, axes] = [type('x'), integers('axes')]
  if (x === undefined || axes === undefined) return undefined
  const rank = x.dims.length
  const named = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)))
  if ([...named].some((axis) => x.dims[axis] === null)) return undefined
  // A named axis that is longer than 1 stays, as coremltools has it.
  return { dtype: x.dtype, dims: x.dims.filter((size, axis) => size !== 1 || !named.has(axis)) }
}

/** A shape without -1 (taken from the rest) and 0 (kept). */
const reshape: Rule = ({ type, integers }) => {
  const [x, shape] = [type('x'), integers('shape')]
  if (x === undefined || shape === undefined) return undefined
  return { dtype: x.dtype, dims: shape.map((size) => (size > 0 ? size : null)) }
}

const concat: Rule = ({ types, integers }) => {
  const [values, said] = [types('values'), integers('axis')?.[0]]
  const [first] = values
  if (first === undefined || said === undefined) return undefined
  const axis = said < 0 ? said + first.dims.length : said
  let sum: number | null = 0
  for (const value of values) {
    if (value === undefined) return undefined
    const size = value.dims[axis] ?? null
    sum = sum === null || size === null ? null : sum + size
  }
  return { dtype: first.dtype, dims: first.dims.map((size, at) => (at === axis ? sum : size)) }
}

const reduce: Rule = ({ type, integers }) => {
  const [x, axes] = [type('x'), integers('axes')]
  if (x === undefined || axes === undefined) return undefined
  const rank = x.dims.length
  const gone = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)))
  const keeps = (integers('keep_dims')?.[0] ?? 0) !== 0
  const dims = keeps
    ? x.dims.map((size, axis) => (gone.has(axis) ? 1 : size))
    : x.dims.filter((_, axis) => !gone.has(axis))
  return { dtype: x.dtype, dims }
}

/** Rows of a table, without batch axes. */
const gather: Rule = ({ type, integers }) => {
  const [x, indices, said] = [type('x'), type('indices'), integers('axis')?.[0] ?? 0]
  if (x === undefined || indices === undefined || (integers('batch_dims')?.[0] ?? 0) !== 0)
    return undefined
  const axis = said < 0 ? said + x.dims.length : said
  return {
    dtype: x.dtype,
    dims: [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)],
  }
}

function impossible(reason: string): MixbitError {
  return new MixbitError('wrong-shape', reason)
}

function rulesFor(rule: Rule, names: string): Readonly<Record<string, Rule>> {
  return Object.fromEntries(names.split(' ').map((name) => [name, rule]))
}

const RULES: Readonly<Record<string, Rule>> = {
  ...rulesFor(
    same,
    'relu relu6 leaky_relu prelu elu gelu silu sigmoid sigmoid_hard softplus softsign softmax tanh ' +
      'clamped_relu scaled_tanh thresholded_relu linear_activation abs acos asin atan atanh ceil clip ' +
      'cos cosh erf exp exp2 floor inverse log round rsqrt sign sin sinh sqrt square tan identity ' +
      'batch_norm instance_norm l2_norm layer_norm local_response_norm cumsum logical_not',
  ),
  ...rulesFor(elementwise, 'add sub mul real_div floor_div mod pow maximum minimum'),
  ...rulesFor(comparison, 'equal not_equal less less_equal greater greater_equal'),
  ...rulesFor(
    reduce,
    'reduce_l1_norm reduce_l2_norm reduce_log_sum reduce_log_sum_exp reduce_max reduce_mean ' +
      'reduce_min reduce_prod reduce_sum reduce_sum_square',
  ),
  cast,
  concat,
  conv,
  dequantize,
  expand_dims: expandDims,
  gather,
  linear,
  matmul,
  quantize,
  reshape,
  squeeze,
  transpose,
}
