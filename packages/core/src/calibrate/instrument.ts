import type { WeightUse } from '../graph/weight-uses.ts'
import { weightUses } from '../graph/weight-uses.ts'
import type { Attribute, Constant, Graph, Node, Value } from '../graph/graph.ts'

/** Which extra outputs of an instrumented graph belong to which layers. */
export type Probe = {
  /** Output with the sum of squares, one value an input channel. */
  readonly sum: string
  /** Output with the number of values summed for each channel. */
  readonly count: string
  readonly channels: number
  /** Every layer whose operator reads this activation (q, k and v share one). */
  readonly layers: readonly string[]
}

export type InstrumentedGraph = { readonly graph: Graph; readonly probes: readonly Probe[] }

type Target = {
  readonly value: string
  readonly channels: number
  readonly rank: number | null
  readonly layers: string[]
}

/**
 * Adds outputs that give, for the input of every weighted operator, the sum of squares of each
 * input channel: what a weight's rounding errors will be multiplied by. Small outputs, computed
 * inside the runtime, so that no activation is ever held.
 */
export function instrument(graph: Graph): InstrumentedGraph {
  const targets = new Map<string, Target>()
  for (const use of weightUses(graph)) {
    const weight = graph.weights.get(use.weight)
    const seen = weight === undefined ? null : probedInput(use, weight.weight.shape)
    if (weight === undefined || seen === null) continue
    // A value may be read with its channels on different axes; each reading is a probe.
    const key = `${seen.value} ${seen.rank ?? ''}`
    const target = targets.get(key) ?? { ...seen, layers: [] }
    target.layers.push(weight.layer)
    targets.set(key, target)
  }
  return addProbes(graph, [...targets.values()])
}

/** What a weight's input channels are multiplied with; null where no such statistics have sense. */
function probedInput(use: WeightUse, shape: readonly number[]): Omit<Target, 'layers'> | null {
  const { input, node } = use
  if (input === null || input.activation === null) return null
  const value = node.inputs[input.activation]
  // Grouped convolutions see other channels in each group: one importance a column has no sense.
  if (value === undefined || input.groups > 1) return null
  const channels = shape[1] ?? 1
  if (input.kind === 'conv') return { value, channels, rank: shape.length }
  // A matrix that is not transposed has its inputs first: it stays float, so nothing is asked.
  return use.isTransposed ? { value, channels, rank: null } : null
}

function addProbes(graph: Graph, targets: readonly Target[]): InstrumentedGraph {
  const nodes: Node[] = []
  const outputs: Value[] = []
  const constants = new Map<string, Constant>()
  const probes = targets.map((target, index): Probe => {
    const name = `mixbit_probe_${index}`
    nodes.push(...probeNodes(name, target, constants))
    outputs.push(
      { name: `${name}_sum`, dtype: 'float32', shape: [target.channels] },
      { name: `${name}_count`, dtype: 'int64', shape: [] },
    )
    const { channels, layers } = target
    return { sum: `${name}_sum`, count: `${name}_count`, channels, layers }
  })
  return {
    graph: {
      ...graph,
      nodes: [...graph.nodes, ...nodes],
      outputs: [...graph.outputs, ...outputs],
      constants: new Map([...graph.constants, ...constants]),
    },
    probes,
  }
}

/** Sum of squares over all axes but the channel's, and values a channel. */
function probeNodes(name: string, target: Target, constants: Map<string, Constant>): Node[] {
  const ints = (suffix: string, values: readonly number[], shape: readonly number[]): string => {
    constants.set(`${name}_${suffix}`, { dtype: 'int64', shape, values })
    return `${name}_${suffix}`
  }
  const nodes: Node[] = []
  let source = target.value
  if (target.rank === null) {
    nodes.push(node('Reshape', `${name}_rows`, [source, ints('shape', [-1, target.channels], [2])]))
    source = `${name}_rows`
  }
  const axes =
    target.rank === null ? [0] : [0, ...Array.from({ length: target.rank - 2 }, (_, at) => at + 2)]
  nodes.push(
    node('ReduceSumSquare', `${name}_sum`, [source, ints('axes', axes, [axes.length])], {
      keepdims: { kind: 'int', value: 0 },
    }),
    node('Size', `${name}_size`, [source]),
    node('Div', `${name}_count`, [`${name}_size`, ints('channels', [target.channels], [])]),
  )
  return nodes
}

function node(
  op: string,
  name: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Node {
  return { name, op, domain: '', inputs, outputs: [name], attributes }
}
