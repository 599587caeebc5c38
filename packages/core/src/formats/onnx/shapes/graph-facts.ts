import type { GraphProto, ModelProto } from '../generated/onnx_pb.ts'
import { intOf, stringOf, subgraphsOf } from '../opset/node-edit.ts'
import type { KnownShapes, ShapedNode } from './propagate-shapes.ts'
import { shapedNodes } from './propagate-shapes.ts'
import type { Shape } from './shape-call.ts'

/** What a graph computes. */
export type GraphFacts = {
  /** Calls of each operator, nested graphs included, the most frequent first. */
  readonly operators: Readonly<Record<string, number>>
  /**
   * Multiply-accumulates of convolutions, products and recurrent layers for a batch of one; null
   * when sizes are not known before running.
   */
  readonly macs: number | null
}

/** Counts operators and multiply-accumulates of a model. */
export function graphFacts(model: ModelProto): GraphFacts {
  const { graph } = model
  if (graph === undefined) return { operators: {}, macs: 0 }
  const functions = new Set(model.functions.map(({ domain, name }) => `${domain}:${name}`))
  const macs = macsOfGraph(graph, functions)
  return { operators: operatorCounts(graph), macs: Number.isSafeInteger(macs) ? macs : null }
}

function operatorCounts(graph: GraphProto): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  const visit = (own: GraphProto): void => {
    for (const node of own.node) {
      const name =
        node.domain === '' || node.domain === 'ai.onnx'
          ? node.opType
          : `${node.domain}.${node.opType}`
      counts.set(name, (counts.get(name) ?? 0) + 1)
      for (const inner of subgraphsOf(node)) visit(inner)
    }
  }
  visit(graph)
  return Object.fromEntries([...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))
}

/** NaN when not known: it stays so through every sum. */
function macsOfGraph(
  graph: GraphProto,
  functions: ReadonlySet<string>,
  outer?: KnownShapes,
): number {
  let sum = 0
  for (const shaped of shapedNodes(graph, outer)) {
    const { node } = shaped
    if (functions.has(`${node.domain}:${node.opType}`)) return Number.NaN
    const inner = subgraphsOf(node).map((each) => macsOfGraph(each, functions, shaped.known))
    sum += inner.length > 0 ? macsOfNested(node.opType, inner) : (macsOf(shaped) ?? 0)
  }
  return sum
}

/** Of an If the larger branch; how often a loop runs is not known. */
function macsOfNested(op: string, inner: readonly number[]): number {
  if (op === 'If') return Math.max(...inner)
  return inner.every((macs) => macs === 0) ? 0 : Number.NaN
}

/** @returns `undefined` for operators that do not multiply and accumulate */
function macsOf({ node, shape, output }: ShapedNode): number | undefined {
  const y = product(output(0))
  switch (node.opType) {
    case 'Conv':
    case 'ConvInteger':
      return y * product(shape(1)?.slice(1))
    case 'QLinearConv':
      return y * product(shape(3)?.slice(1))
    case 'ConvTranspose':
      return product(shape(0)) * product(shape(1)?.slice(1))
    case 'MatMul':
    case 'MatMulInteger':
      return y * size(shape(0)?.at(-1))
    case 'QLinearMatMul':
      return y * size(shape(0)?.at(-1))
    case 'Gemm':
      return y * size(shape(0)?.[intOf(node, 'transA') ? 0 : 1])
    case 'MatMulNBits':
      return product(shape(0)) * size(intOf(node, 'N'))
    case 'LSTM':
    case 'GRU':
    case 'RNN': {
      const [steps, batch] = [size(shape(0)?.[0]), size(shape(0)?.[1])]
      const directions = stringOf(node, 'direction') === 'bidirectional' ? 2 : 1
      const perStep = product(shape(1)?.slice(1)) + product(shape(2)?.slice(1))
      return steps * batch * directions * perStep
    }
    case 'Einsum':
    case 'Attention':
    case 'MultiHeadAttention':
    case 'GroupQueryAttention':
      return Number.NaN
    default:
      return undefined
  }
}

function size(value: number | null | undefined): number {
  return value ?? Number.NaN
}

function product(shape: Shape | undefined): number {
  return shape === undefined
    ? Number.NaN
    : shape.reduce<number>((total, each) => total * size(each), 1)
}
