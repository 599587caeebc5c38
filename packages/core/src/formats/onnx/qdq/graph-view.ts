import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../generated/onnx_pb.ts'
import { subgraphsOf } from '../opset/node-edit.ts'

/** Who makes and who reads each value of a main graph; of one moment, it does not follow edits. */
export type GraphView = {
  readonly producer: (value: string) => NodeProto | undefined
  /** Nodes of the main graph, each once. */
  readonly readers: (value: string) => readonly NodeProto[]
  /** Read by its name from elsewhere: an output of the graph, or captured by a nested graph. */
  readonly isPinned: (value: string) => boolean
  /** An initializer that no caller can replace. */
  readonly constant: (value: string) => TensorProto | undefined
  readonly isInput: (value: string) => boolean
}

export function graphView(graph: GraphProto): GraphView {
  const producers = new Map<string, NodeProto>()
  const readers = new Map<string, NodeProto[]>()
  const pinned = new Set(graph.output.map(({ name }) => name))
  const inputs = new Set(graph.input.map(({ name }) => name))
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]))
  for (const node of graph.node) {
    for (const output of node.output) if (output !== '') producers.set(output, node)
    for (const input of new Set(node.input)) {
      const list = readers.get(input)
      if (list === undefined) readers.set(input, [node])
      else list.push(node)
    }
    for (const nested of subgraphsOf(node)) capturedNames(nested, pinned)
  }
  return {
    producer: (value) => producers.get(value),
    readers: (value) => readers.get(value) ?? [],
    isPinned: (value) => pinned.has(value),
    constant: (value) => (inputs.has(value) ? undefined : constants.get(value)),
    isInput: (value) => inputs.has(value) && !constants.has(value),
  }
}

/** Every name that a nested graph reads; its own values among them do no harm. */
function capturedNames(graph: GraphProto, names: Set<string>): void {
  for (const node of graph.node) {
    for (const input of node.input) names.add(input)
    for (const nested of subgraphsOf(node)) capturedNames(nested, names)
  }
  for (const { name } of graph.output) names.add(name)
}

/** The main graph of a model that was read. */
export function mainGraph(model: ModelProto): GraphProto {
  if (model.graph === undefined) throw new TypeError('A document without a graph was read')
  return model.graph
}

/** Whether an operator is one of ai.onnx. */
export function isStandard({ domain }: NodeProto): boolean {
  return domain === '' || domain === 'ai.onnx'
}
