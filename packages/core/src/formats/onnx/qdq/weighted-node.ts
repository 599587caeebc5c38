import { elementsOf } from '../../../tensor/weight.ts'
import type { NodeProto } from '../generated/onnx_pb.ts'
import { TensorProto_DataType } from '../generated/onnx_pb.ts'
import { floatOf, intOf } from '../opset/node-edit.ts'
import type { GraphView } from './graph-view.ts'
import { isStandard } from './graph-view.ts'

/** A node that multiplies an activation with a float32 constant, as integer kernels can. */
export type WeightedNode = {
  readonly kind: 'conv' | 'gemm' | 'matmul'
  readonly input: string
  readonly weight: string
  /** Axis of the weight with one slice an output channel: each has its own scale. */
  readonly axis: number
  /** Output channels. */
  readonly channels: number
  /** The constant that is added; '' for none. */
  readonly bias: string
  /** The Add behind a MatMul that adds it; null where the node itself does. */
  readonly adder: NodeProto | null
}

/** Fewer weights than this save nothing, and often are exact numbers (decoding of boxes). */
const FEWEST_WEIGHTS = 64

/** Why a weighted node cannot run on integers; its weight, where storing it so saves nothing. */
export type NoIntegers = { readonly reason: string; readonly weight?: string }

/** A weighted node as integer kernels take it, why they cannot, or null when it has no weights. */
export function weightedNode(view: GraphView, node: NodeProto): WeightedNode | NoIntegers | null {
  if (!isStandard(node)) return null
  const found = weightOf(view, node)
  if (found === null || 'reason' in found) return found
  const { weight, axis } = found
  const tensor = view.constant(weight)
  if (tensor === undefined) return null
  if (tensor.dataType !== TensorProto_DataType.FLOAT) {
    return { reason: 'integer kernels go with float32 activations' }
  }
  if (elementsOf(tensor.dims.map(Number)) < FEWEST_WEIGHTS) {
    return { reason: `it has fewer than ${FEWEST_WEIGHTS} weights`, weight }
  }
  const readers = view.readers(weight)
  const isShared = readers.some((reader) => {
    const other = weightOf(view, reader)
    return other === null || 'reason' in other || other.weight !== weight || other.axis !== axis
  })
  if (isShared || view.isPinned(weight)) {
    return { reason: 'another operator reads its weight otherwise' }
  }
  return found
}

function weightOf(
  view: GraphView,
  node: NodeProto,
): WeightedNode | { readonly reason: string } | null {
  switch (isStandard(node) ? node.opType : '') {
    case 'Conv':
      return convOf(view, node)
    case 'Gemm':
      return gemmOf(view, node)
    case 'MatMul':
      return matmulOf(view, node)
    case 'ConvTranspose':
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return { reason: `${node.opType} has no integer kernel` }
    default:
      return null
  }
}

function convOf(view: GraphView, node: NodeProto): WeightedNode | { readonly reason: string } {
  const [input = '', weight = '', bias = ''] = node.input
  const shape = shapeOf(view, weight)
  if (shape === undefined) return { reason: 'its weight is computed' }
  const channels = shape[0] ?? 0
  if (!isVector(view, bias, channels)) return { reason: 'its bias is no float32 constant' }
  return { kind: 'conv', input, weight, axis: 0, channels, bias, adder: null }
}

function gemmOf(view: GraphView, node: NodeProto): WeightedNode | { readonly reason: string } {
  const [input = '', weight = '', bias = ''] = node.input
  const shape = shapeOf(view, weight)
  if (shape?.length !== 2) return { reason: 'its weight is computed' }
  const axis = (intOf(node, 'transB') ?? 0) === 0 ? 1 : 0
  const channels = shape[axis] ?? 0
  const isPlain =
    (floatOf(node, 'alpha') ?? 1) === 1 &&
    (intOf(node, 'transA') ?? 0) === 0 &&
    (bias === '' || (floatOf(node, 'beta') ?? 1) === 1)
  if (!isPlain) return { reason: 'the integer Gemm neither scales nor transposes its input' }
  if (!isVector(view, bias, channels)) return { reason: 'its bias is no float32 constant vector' }
  return { kind: 'gemm', input, weight, axis, channels, bias, adder: null }
}

function matmulOf(view: GraphView, node: NodeProto): WeightedNode | { readonly reason: string } {
  const [input = '', weight = ''] = node.input
  const shape = shapeOf(view, weight)
  if (shape === undefined) {
    const isConstantFirst = shapeOf(view, input) !== undefined
    return {
      reason: isConstantFirst ? 'its weight stands first' : 'both of its inputs are activations',
    }
  }
  if (shape.length !== 2) return { reason: 'its weight is no matrix' }
  const channels = shape[1] ?? 0
  const added = addedVector(view, node, channels)
  return { kind: 'matmul', input, weight, axis: 1, channels, ...added }
}

/**
 * The constant vector that only an Add behind the node adds: the runtime makes one Gemm of both, whose
 * integer kernel wants the vector as int32.
 */
function addedVector(
  view: GraphView,
  node: NodeProto,
  channels: number,
): Pick<WeightedNode, 'bias' | 'adder'> {
  const none = { bias: '', adder: null }
  const output = node.output[0] ?? ''
  const [next, ...others] = view.readers(output)
  if (next === undefined || others.length > 0 || view.isPinned(output)) return none
  if (next.opType !== 'Add' || !isStandard(next)) return none
  const bias = next.input.find((name) => name !== output) ?? ''
  const rank = view.constant(bias)?.dims.length ?? 0
  return bias !== '' && rank <= 2 && isVector(view, bias, channels) ? { bias, adder: next } : none
}

function shapeOf(view: GraphView, name: string): readonly number[] | undefined {
  return view.constant(name)?.dims.map(Number)
}

/** Left out, or one float32 constant a channel: (C) or (1, C). */
function isVector(view: GraphView, name: string, channels: number): boolean {
  if (name === '') return true
  const tensor = view.constant(name)
  if (tensor?.dataType !== TensorProto_DataType.FLOAT) return false
  const dims = tensor.dims.map(Number)
  return elementsOf(dims) === channels && dims.at(-1) === channels
}
