import type { NodeProto } from '../../generated/onnx_pb.ts'
import { onnxNode } from '../../nodes.ts'
import { editNode, inputOf, intOf, labelOf } from '../node-edit.ts'
import { one, type Rule, type RuleTable } from '../rule.ts'
import type { Scope } from '../scope.ts'

/**
 * Before set 13, the dimensions from `axis` (default 1) on were taken as one; since, `axis` (default
 * -1) is a single dimension. Where only one of those dimensions can be above 1, that is the axis;
 * else the input is flattened to two dimensions and shaped back.
 *
 * @see https://onnx.ai/onnx/operators/text_diff_Softmax_11_13.html
 */
const singleAxis: Rule = (node, scope) => {
  const axis = intOf(node, 'axis') ?? 1
  const single = axis === -1 ? -1 : onlyAxis(scope.shape(inputOf(node, 0)), axis)
  if (single === undefined) return { nodes: flattened(node, axis, scope) }
  return one(editNode(node, { attributes: { axis: { kind: 'int', value: single } } }))
}

/** The one dimension from `axis` on that is not 1; `undefined` when there may be several. */
function onlyAxis(
  shape: readonly (number | undefined)[] | undefined,
  axis: number,
): number | undefined {
  if (shape === undefined) return undefined
  const first = axis < 0 ? axis + shape.length : axis
  const others = shape.flatMap((size, i) => (i >= first && size !== 1 ? [i] : []))
  if (others.length > 1 || first >= shape.length) return undefined
  return others[0] ?? shape.length - 1
}

function flattened(node: NodeProto, axis: number, scope: Scope): readonly NodeProto[] {
  const label = labelOf(node)
  const input = inputOf(node, 0)
  const shape = scope.newName(`${label}_shape`)
  const flat = scope.newName(`${label}_flat`)
  const result = scope.newName(`${label}_rows`)
  const attributes = { axis: { kind: 'int', value: axis } } as const
  return [
    onnxNode({ op: 'Shape', name: shape, inputs: [input], outputs: [shape] }),
    onnxNode({ op: 'Flatten', name: flat, inputs: [input], outputs: [flat], attributes }),
    editNode(node, {
      inputs: [flat],
      outputs: [result],
      attributes: { axis: { kind: 'int', value: -1 } },
    }),
    onnxNode({
      op: 'Reshape',
      name: scope.newName(`${label}_unflatten`),
      inputs: [result, shape],
      outputs: node.output,
    }),
  ]
}

/** Softmax and its kin. */
export const SOFTMAX_RULES: RuleTable = {
  Softmax: { 13: singleAxis },
  LogSoftmax: { 13: singleAxis },
  Hardmax: { 13: singleAxis },
}
