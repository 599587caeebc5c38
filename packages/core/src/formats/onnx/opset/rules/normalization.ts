import type { NodeProto } from '../../generated/onnx_pb.ts'
import { onnxNode } from '../../nodes.ts'
import { FLOAT_TYPES, int64List, scalar } from '../constants.ts'
import { editNode, floatOf, inputOf, intOf, labelOf } from '../node-edit.ts'
import { blocked, keepOutputs, one, type Rewrite, type Rule, type RuleTable } from '../rule.ts'
import type { Scope } from '../scope.ts'

/** The default of ONNX. */
const EPSILON = 1e-5

/** `spatial` is gone; with spatial=0 every position had parameters of its own. */
const batchNormSpatial: Rule = (node, scope) => {
  const kept = editNode(node, { attributes: { spatial: undefined } })
  if ((intOf(node, 'spatial') ?? 1) !== 0) return one(kept)
  const type = FLOAT_TYPES.find((float) => float === scope.elementType(inputOf(node, 0)))
  const inference = keepOutputs(node, 1, scope)
  if (inference === undefined) return blocked(TRAINING)
  if (type === undefined) return blocked(`the element type of "${inputOf(node, 0)}" is not known`)
  const epsilon = Math.fround(floatOf(node, 'epsilon') ?? EPSILON)
  return byElement(
    inference,
    scope.constant(`${labelOf(node)}_epsilon`, scalar(type, epsilon)),
    scope,
  )
}

const TRAINING = 'its training outputs are read'

/** y = (x - mean) / sqrt(var + epsilon) * scale + bias, each of shape (C, D1, D2, ...). */
function byElement(node: NodeProto, epsilon: string, scope: Scope): Rewrite {
  const [x = '', scale = '', bias = '', mean = '', variance = ''] = node.input
  const label = labelOf(node)
  const [centred, shifted, deviation, normal, scaled] = [
    scope.newName(`${label}_centred`),
    scope.newName(`${label}_variance`),
    scope.newName(`${label}_deviation`),
    scope.newName(`${label}_normal`),
    scope.newName(`${label}_scaled`),
  ]
  return {
    nodes: [
      step('Sub', centred, [x, mean]),
      step('Add', shifted, [variance, epsilon]),
      step('Sqrt', deviation, [shifted]),
      step('Div', normal, [centred, deviation]),
      step('Mul', scaled, [normal, scale]),
      onnxNode({
        op: 'Add',
        name: scope.newName(`${label}_shifted`),
        inputs: [scaled, bias],
        outputs: node.output,
      }),
    ],
  }
}

/** The outputs for training are other ones, and given only if `training_mode` is set. */
const batchNormOutputs: Rule = (node, scope) => {
  const kept = keepOutputs(node, 1, scope)
  return kept === undefined ? blocked(TRAINING) : one(kept)
}

/**
 * Scale and bias, of shape (groups), become one value a channel: each is repeated channels / groups
 * times. The first stage kept the precision of the input, so `stash_type` says it.
 */
const groupNormPerChannel: Rule = (node, scope) => {
  const [x = '', scale = '', bias = ''] = node.input
  const label = labelOf(node)
  const type = scope.elementType(x)
  const groups = intOf(node, 'num_groups') ?? 0
  if (groups < 1) return blocked('it does not say into how many groups')
  const repeats = groupRepeats(node, groups, scope)
  const column = scope.constant(`${label}_column`, int64List([-1, 1]))
  const flat = scope.constant(`${label}_list`, int64List([-1]))
  const wide = [scale, bias].map((value, i) => {
    const base = `${label}_${i === 0 ? 'scale' : 'bias'}`
    const names = [`${base}_column`, `${base}_groups`, `${base}_channels`].map(scope.newName)
    const [asColumn = '', repeated = '', result = ''] = names
    const nodes = [
      step('Reshape', asColumn, [value, column]),
      step('Expand', repeated, [asColumn, repeats.name]),
      step('Reshape', result, [repeated, flat]),
    ]
    return { nodes, result }
  })
  const normal = editNode(node, {
    inputs: [x, ...wide.map(({ result }) => result)],
    attributes: type === undefined ? {} : { stash_type: { kind: 'int', value: type } },
  })
  return { nodes: [...repeats.nodes, ...wide.flatMap(({ nodes }) => nodes), normal] }
}

/** The shape (1, channels / groups), as a constant where the channels are known. */
function groupRepeats(
  node: NodeProto,
  groups: number,
  scope: Scope,
): { readonly name: string; readonly nodes: readonly NodeProto[] } {
  const label = labelOf(node)
  const channels = scope.shape(inputOf(node, 0))?.[1]
  if (channels !== undefined) {
    const shape = int64List([1, Math.floor(channels / groups)])
    return { name: scope.constant(`${label}_repeats`, shape), nodes: [] }
  }
  const count = scope.newName(`${label}_channels`)
  const each = scope.newName(`${label}_each`)
  const name = scope.newName(`${label}_repeats`)
  const divisor = scope.constant(`${label}_groups`, int64List([groups]))
  const unit = scope.constant(`${label}_unit`, int64List([1]))
  const nodes = [
    onnxNode({
      op: 'Shape',
      name: count,
      inputs: [inputOf(node, 0)],
      outputs: [count],
      attributes: { start: { kind: 'int', value: 1 }, end: { kind: 'int', value: 2 } },
    }),
    step('Div', each, [count, divisor]),
    onnxNode({
      op: 'Concat',
      name,
      inputs: [unit, each],
      outputs: [name],
      attributes: { axis: { kind: 'int', value: 0 } },
    }),
  ]
  return { name, nodes }
}

function step(op: string, name: string, inputs: readonly string[]): NodeProto {
  return onnxNode({ op, name, inputs, outputs: [name] })
}

/** Normalizations. */
export const NORMALIZATION_RULES: RuleTable = {
  BatchNormalization: { 9: batchNormSpatial, 14: batchNormOutputs },
  GroupNormalization: { 21: groupNormPerChannel },
}
