import { TensorProto_DataType, type NodeProto } from '../../generated/onnx_pb.ts'
import { onnxNode } from '../../nodes.ts'
import { int64List } from '../constants.ts'
import { attributeOf, editNode, inputOf, intOf, labelOf, renamed, stringOf } from '../node-edit.ts'
import {
  blocked,
  dropAttributes,
  listInput,
  one,
  type Rewrite,
  type Rule,
  type RuleTable,
} from '../rule.ts'
import type { Scope } from '../scope.ts'

/** A hint for memory that was never a part of the result. */
const unconsumed = { 6: dropAttributes('consumed_inputs') }

/**
 * Before set 7 the second operand was stretched only if `broadcast` was set, from dimension `axis`
 * of the first one on; `axis` left out means its last dimensions, as it is since.
 */
const broadcastByAxis: Rule = (node, scope) => {
  const edited = editNode(node, { attributes: { broadcast: undefined, axis: undefined } })
  const axis = intOf(node, 'axis')
  if ((intOf(node, 'broadcast') ?? 0) === 0 || axis === undefined) return one(edited)
  const rank = scope.shape(inputOf(node, 0))?.length
  const secondRank = scope.shape(inputOf(node, 1))?.length
  if (rank === undefined || secondRank === undefined) return blocked(NO_RANKS)
  const first = axis < 0 ? axis + rank : axis
  const trailing = rank - first - secondRank
  return first < 0 || trailing < 0
    ? blocked('its axis does not fit its operands')
    : withTrailingOnes(edited, secondRank, trailing, scope)
}

const NO_RANKS = 'the ranks of its inputs are not known'

/** Gives input 1 dimensions of 1 at its end. Valid from set 1 to 12. */
function withTrailingOnes(node: NodeProto, rank: number, count: number, scope: Scope): Rewrite {
  if (count === 0) return one(node)
  const shaped = scope.newName(`${labelOf(node)}_shaped`)
  const axes = Array.from({ length: count }, (_, i) => rank + i)
  return {
    nodes: [
      onnxNode({
        op: 'Unsqueeze',
        name: shaped,
        inputs: [inputOf(node, 1)],
        outputs: [shaped],
        attributes: { axes: { kind: 'ints', value: axes } },
      }),
      editNode(node, { inputs: [inputOf(node, 0), shaped] }),
    ],
  }
}

/** A slope a channel was one list; it must now have the dimensions after the channels, too. */
const preluSlope: Rule = (node, scope) => {
  const slope = scope.shape(inputOf(node, 1))
  const rank = scope.shape(inputOf(node, 0))?.length
  if (slope === undefined) return blocked(NO_RANKS)
  if (slope.length !== 1 || slope[0] === 1) return one(node)
  if (rank === undefined) return blocked(NO_RANKS)
  return withTrailingOnes(node, 1, Math.max(0, rank - 2), scope)
}

/** Only a node that says it does not train means the same after. */
const inferenceOnly: Rule = (node) =>
  (intOf(node, 'is_test') ?? 0) === 0
    ? blocked('it may train: is_test is not set')
    : one(editNode(node, { attributes: { is_test: undefined } }))

const CAST_TYPES: Readonly<Record<string, number>> = TensorProto_DataType

/** The type was a name. */
const castNumber: Rule = (node) => {
  const name = (stringOf(node, 'to') ?? '').toUpperCase()
  const type = Object.hasOwn(CAST_TYPES, name) ? CAST_TYPES[name] : undefined
  return type === undefined
    ? blocked(`it casts to "${name}"`)
    : one(editNode(node, { attributes: { to: { kind: 'int', value: type } } }))
}

/** The axis must be said; the default was 1. */
const concatAxis: Rule = (node) =>
  one(
    attributeOf(node, 'axis') !== undefined
      ? node
      : editNode(node, { attributes: { axis: { kind: 'int', value: 1 } } }),
  )

/** The shape becomes an input. */
const reshapeInput: Rule = (node, scope) => {
  const shape =
    attributeOf(node, 'shape') === undefined
      ? scope.constant(`${labelOf(node)}_shape`, int64List([]))
      : listInput(node, 'shape', scope)
  return one(
    editNode(node, {
      inputs: [inputOf(node, 0), shape],
      attributes: { shape: undefined, consumed_inputs: undefined },
    }),
  )
}

/** The list of pads has another name. */
const padName: Rule = (node) =>
  one(
    Object.assign(editNode(node, {}), {
      attribute: node.attribute.map((old) =>
        old.name === 'paddings' ? renamed(old, 'pads') : old,
      ),
    }),
  )

const wholeSequence: Rule = (node) =>
  one(editNode(node, { attributes: { output_sequence: undefined } }))

const broadcast = { 7: broadcastByAxis }
const arithmetic = { ...unconsumed, ...broadcast }

/** Operators as they were before set 7, the oldest that ONNX Runtime promises to run. */
export const LEGACY_RULES: RuleTable = {
  Abs: unconsumed,
  Add: arithmetic,
  And: broadcast,
  BatchNormalization: { ...unconsumed, 7: inferenceOnly },
  Cast: { 6: castNumber },
  Ceil: unconsumed,
  Clip: unconsumed,
  Concat: { 4: concatAxis },
  Div: arithmetic,
  Dropout: { ...unconsumed, 7: inferenceOnly },
  Elu: unconsumed,
  Equal: broadcast,
  Exp: unconsumed,
  Floor: unconsumed,
  GRU: { 7: wholeSequence },
  Gemm: { 7: dropAttributes('broadcast') },
  Greater: broadcast,
  HardSigmoid: unconsumed,
  InstanceNormalization: unconsumed,
  LSTM: { 7: wholeSequence },
  LeakyRelu: unconsumed,
  Less: broadcast,
  Log: unconsumed,
  Max: unconsumed,
  Mean: unconsumed,
  Min: unconsumed,
  Mul: arithmetic,
  Neg: unconsumed,
  Or: broadcast,
  PRelu: { ...unconsumed, 7: preluSlope },
  Pad: { 2: padName },
  Pow: broadcast,
  RNN: { 7: wholeSequence },
  Reciprocal: unconsumed,
  Relu: unconsumed,
  Reshape: { 5: reshapeInput },
  Sigmoid: unconsumed,
  Sqrt: unconsumed,
  Sub: arithmetic,
  Sum: unconsumed,
  Tanh: unconsumed,
  Xor: broadcast,
}
