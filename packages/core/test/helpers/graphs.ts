import type { Attribute, Graph, Node } from '../../src/graph/graph.ts'
import { float32Weight } from './weights.ts'

/** `[op, inputs, outputs, attributes]`; names are separated by spaces. */
export type Call = readonly [
  op: string,
  inputs: string,
  outputs: string,
  attributes?: Readonly<Record<string, Attribute>>,
]

/** A graph of these calls; `weights` gives shapes, and a weight's layer is `model.<name>`. */
export function graphOf(
  calls: readonly Call[],
  weights: Readonly<Record<string, readonly number[]>>,
  ends: { readonly inputs?: readonly string[]; readonly outputs?: readonly string[] } = {},
): Graph {
  const { inputs = ['x'], outputs = ['y'] } = ends
  const value = (name: string): Graph['inputs'][number] => ({ name, dtype: 'float32', shape: [] })
  return {
    name: 'model',
    opset: 21,
    inputs: inputs.map(value),
    outputs: outputs.map(value),
    nodes: calls.map(nodeOf),
    weights: new Map(
      Object.entries(weights).map(([name, shape]) => {
        const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1)
        const weight = float32Weight(name, shape, values)
        return [name, { layer: `model.${name}`, component: 'model', weight }] as const
      }),
    ),
    constants: new Map(),
  }
}

function nodeOf([op, inputs, outputs, attributes = {}]: Call): Node {
  const [name = ''] = outputs.split(' ')
  return {
    name,
    op,
    domain: '',
    inputs: inputs.split(' '),
    outputs: outputs.split(' '),
    attributes,
  }
}
