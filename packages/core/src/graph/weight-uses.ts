import type { Graph, Node } from './graph.ts'
import type { WeightInput } from '../operators/weight-inputs.ts'
import { WEIGHT_INPUTS } from '../operators/weight-inputs.ts'

/** One place where a graph reads a weight. */
export type WeightUse = {
  readonly weight: string
  /** The operator that multiplies or looks up the weight (never the Transpose before it). */
  readonly node: Node
  /** Position of `node` in the graph's topological order. */
  readonly order: number
  /** Facts of the operator; null when it is not a weighted one (a bias, a norm's scale). */
  readonly input: WeightInput | null
  /** The weight goes through Transpose(1, 0) first: it is stored as [outputs, inputs]. */
  readonly isTransposed: boolean
}

/** Every use of every weight of a graph, in topological order. */
export function weightUses(graph: Graph): readonly WeightUse[] {
  const transposed = new Map<string, string>()
  const uses: WeightUse[] = []
  for (const [order, node] of graph.nodes.entries()) {
    const [source = '', ...rest] = node.inputs
    if (node.op === 'Transpose' && rest.length === 0 && graph.weights.has(source)) {
      transposed.set(node.outputs[0] ?? '', source)
      continue
    }
    for (const [index, value] of node.inputs.entries()) {
      const weight = transposed.get(value) ?? value
      if (!graph.weights.has(weight)) continue
      const facts = WEIGHT_INPUTS[node.op]
      uses.push({
        weight,
        node,
        order,
        input: facts !== undefined && facts.input === index ? facts : null,
        isTransposed: transposed.has(value),
      })
    }
  }
  return uses
}
