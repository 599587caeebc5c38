import { bodiesOf } from '../bodies.ts'
import type { ModelProto, NodeProto } from '../generated/onnx_pb.ts'
import { labelOf } from '../opset/node-edit.ts'
import { isStandard } from './graph-view.ts'

/** A node in the body of another, with the path of that body before its name. */
export type NestedOperator = { readonly node: string; readonly op: string }

/** Which inputs of an operator may be weights. */
const WEIGHT_INPUTS: ReadonlyMap<string, readonly number[]> = new Map([
  ['Conv', [1]],
  ['ConvTranspose', [1]],
  ['Gemm', [0, 1]],
  ['MatMul', [0, 1]],
  ['LSTM', [1]],
  ['GRU', [1]],
  ['RNN', [1]],
])

/**
 * The nodes in bodies of If, Loop, Scan and their like that multiply a constant, outer bodies first. Their
 * activations stay float: calibration sees only what the main graph computes.
 */
export function nestedOperators(model: ModelProto): readonly NestedOperator[] {
  const bodies = bodiesOf(model)
  const constants = new Set(
    bodies.flatMap(({ graph }) => [
      ...graph.initializer.map(({ name }) => name),
      ...graph.node.flatMap(({ opType, output }) => (opType === 'Constant' ? output : [])),
    ]),
  )
  return bodies.flatMap(({ graph, path }) =>
    path === ''
      ? []
      : graph.node
          .filter((node) => multipliesOneOf(node, constants))
          .map((node) => ({ node: `${path}.${labelOf(node)}`, op: node.opType })),
  )
}

function multipliesOneOf(node: NodeProto, constants: ReadonlySet<string>): boolean {
  const inputs = isStandard(node) ? (WEIGHT_INPUTS.get(node.opType) ?? []) : []
  return inputs.some((input) => constants.has(node.input[input] ?? ''))
}
