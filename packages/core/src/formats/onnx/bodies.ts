import type { GraphProto, ModelProto, NodeProto } from './generated/onnx_pb.ts'
import { labelOf, subgraphsOf } from './opset/node-edit.ts'

/** A graph of a model: its main one, or the body of a node such as If, Loop or Scan. */
export type Body = {
  readonly graph: GraphProto
  /** '' for the main graph; else the names of the nodes and attributes that lead to it. */
  readonly path: string
}

/** An input of a node, in a graph or in one inside it, that reads a value. */
export type Reader = {
  /** The graph that holds the node. */
  readonly graph: GraphProto
  readonly node: NodeProto
  readonly input: number
}

/** Every graph of a model, outer ones first; bodies of functions are none of them. */
export function bodiesOf(model: ModelProto): readonly Body[] {
  const bodies: Body[] = []
  const taken = new Set<string>()
  const visit = (graph: GraphProto, path: string): void => {
    bodies.push({ graph, path })
    for (const node of graph.node) {
      for (const { name, g, graphs } of node.attribute) {
        for (const inner of g === undefined ? graphs : [g, ...graphs]) {
          const label = [path, labelOf(node), name].filter((part) => part !== '').join('.')
          visit(inner, unique(label, taken))
        }
      }
    }
  }
  if (model.graph !== undefined) visit(model.graph, '')
  return bodies
}

function unique(label: string, taken: Set<string>): string {
  let name = label
  for (let i = 2; taken.has(name); i++) name = `${label}_${i}`
  taken.add(name)
  return name
}

/** Who reads each value that is visible in a graph, the nodes of graphs inside it included. */
export function readersByName(graph: GraphProto): ReadonlyMap<string, readonly Reader[]> {
  const readers = new Map<string, Reader[]>()
  const visit = (own: GraphProto, hidden: ReadonlySet<string>): void => {
    for (const node of own.node) {
      for (const [input, name] of node.input.entries()) {
        if (name === '' || hidden.has(name)) continue
        const list = readers.get(name)
        if (list === undefined) readers.set(name, [{ graph: own, node, input }])
        else list.push({ graph: own, node, input })
      }
      for (const inner of subgraphsOf(node)) {
        visit(inner, new Set([...hidden, ...definitionsOf(inner)]))
      }
    }
  }
  visit(graph, new Set())
  return readers
}

/** Who reads a value of a graph, the nodes of graphs inside it included. */
export function readersOf(graph: GraphProto, name: string): readonly Reader[] {
  const readers: Reader[] = []
  const visit = (own: GraphProto): void => {
    for (const node of own.node) {
      for (const [input, value] of node.input.entries()) {
        if (value === name) readers.push({ graph: own, node, input })
      }
      for (const inner of subgraphsOf(node)) if (!defines(inner, name)) visit(inner)
    }
  }
  visit(graph)
  return readers
}

/** Puts nodes in the place of one. */
export function replaceNode(
  { graph, node }: Pick<Reader, 'graph' | 'node'>,
  replacement: readonly NodeProto[],
): void {
  const at = graph.node.indexOf(node)
  if (at >= 0) graph.node.splice(at, 1, ...replacement)
}

/** Every name that leaves a graph, or one of the graphs inside it, as an output. */
export function outputNames(graph: GraphProto): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = (own: GraphProto): void => {
    for (const { name } of own.output) names.add(name)
    for (const node of own.node) for (const inner of subgraphsOf(node)) visit(inner)
  }
  visit(graph)
  return names
}

/** The names of a graph's own values, which hide those of the graphs around it. */
function definitionsOf(graph: GraphProto): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { name } of graph.input) names.add(name)
  for (const { name } of graph.initializer) names.add(name)
  for (const { output } of graph.node) for (const name of output) names.add(name)
  return names
}

function defines(graph: GraphProto, name: string): boolean {
  return (
    graph.input.some((input) => input.name === name) ||
    graph.initializer.some((tensor) => tensor.name === name) ||
    graph.node.some(({ output }) => output.includes(name))
  )
}
