import type { WeightUse as OperatorUse } from '../operators/weighted-operators.ts'
import { weightUsesOf } from '../operators/weighted-operators.ts'
import type { Graph, Node } from './graph.ts'

/** One place where a graph reads a weight. */
export type WeightUse = {
  readonly weight: string
  /** The operator that multiplies or looks up the weight (never the Transpose before it). */
  readonly node: Node
  /** Position of `node` in the graph's topological order. */
  readonly order: number
  /** Facts of the operator; null when it is not a weighted one (a bias, a norm's scale). */
  readonly input: OperatorUse | null
  /** The weight goes through Transpose(1, 0) first: it is stored as [outputs, inputs]. */
  readonly isTransposed: boolean
}

/** Every use of every weight of a graph, in topological order. */
export function weightUses(graph: Graph): readonly WeightUse[] {
  const transposed = new Map<string, string>()
  const uses: WeightUse[] = []
  for (const [order, node] of graph.nodes.entries()) {
    const [source = '', output = ''] = [node.inputs[0], node.outputs[0]]
    if (isMatrixTranspose(graph, node, source)) {
      transposed.set(output, source)
      continue
    }
    for (const [index, value] of node.inputs.entries()) {
      const weight = transposed.get(value) ?? value
      if (!graph.weights.has(weight)) continue
      const input = weightInput(graph, transposed, node, index)
      uses.push({ weight, node, order, input, isTransposed: transposed.has(value) })
    }
  }
  return uses
}

/** Transpose of a matrix that exchanges its two axes. */
function isMatrixTranspose(graph: Graph, node: Node, source: string): boolean {
  if (node.op !== 'Transpose' || graph.weights.get(source)?.weight.shape.length !== 2) return false
  const perm = node.attributes['perm']
  return perm === undefined || (perm.kind === 'ints' && perm.value[0] === 1)
}

/** Facts of input `index` when it is the operator's weight; a Gather looks rows up only on axis 0. */
function weightInput(
  graph: Graph,
  transposed: ReadonlyMap<string, string>,
  node: Node,
  index: number,
): OperatorUse | null {
  const uses = weightUsesOf({
    op: node.op,
    domain: node.domain,
    attribute: (name) => {
      const attribute = node.attributes[name]
      return attribute?.kind === 'int' ? attribute.value : undefined
    },
    weightRank: (input) => {
      const value = node.inputs[input] ?? ''
      return graph.weights.get(transposed.get(value) ?? value)?.weight.shape.length
    },
  })
  const use = uses.find(({ input }) => input === index)
  if (use === undefined || (use.kind === 'gather' && use.outputAxis !== 0)) return null
  return use
}
