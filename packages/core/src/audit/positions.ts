import type { Graph } from '../graph/graph.ts'
import type { WeightFacts } from './audit-types.ts'
import type { WeightUse } from '../graph/weight-uses.ts'

export type Position = WeightFacts['position']

/**
 * Where each multiplying weight of a graph stands.
 *
 * The stem is every weight before the first repeated block; a repeated block is a numbered name
 * prefix (`network.0.0`) under which at least two weights lie and that occurs at least twice. A
 * graph without blocks has as its stem the first weighted operator after each input. The last
 * weighted operator before each output is `last`. Lookups are neither: they do not compute.
 */
export function positions(graph: Graph, uses: readonly WeightUse[]): ReadonlyMap<string, Position> {
  return placesOf(
    graph,
    uses.filter((use) => use.input !== null && use.input.kind !== 'gather'),
  )
}

/** An operation and the values that flow through it. */
export type FlowNode = {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

/** How values flow through a program of any format. */
export type Flow = {
  readonly inputs: readonly { readonly name: string }[]
  readonly outputs: readonly { readonly name: string }[]
  /** In topological order. */
  readonly nodes: readonly FlowNode[]
  readonly weights: ReadonlyMap<string, { readonly layer: string }>
}

/** A weight and an operator that multiplies by it. */
export type Multiplier = { readonly weight: string; readonly node: FlowNode }

/**
 * As `positions`, of weights that are known to multiply.
 *
 * @param multiplied - in the order of the graph
 */
export function placesOf(
  graph: Flow,
  multiplied: readonly Multiplier[],
): ReadonlyMap<string, Position> {
  const result = new Map<string, Position>(multiplied.map((use) => [use.weight, 'inner']))
  for (const weight of stem(graph, multiplied)) result.set(weight, 'stem')
  for (const weight of lastBeforeOutputs(graph, multiplied)) result.set(weight, 'last')
  return result
}

function stem(graph: Flow, uses: readonly Multiplier[]): readonly string[] {
  const layers = uses.map((use) => graph.weights.get(use.weight)?.layer ?? '')
  const blocks = repeatedBlocks(layers)
  const first = layers.findIndex((layer) => blocks.some((block) => block.test(layer)))
  if (first >= 0) return uses.slice(0, first).map((use) => use.weight)
  return firstAfterInputs(graph, uses)
}

/** Patterns of the numbered prefixes that occur at least twice with at least two weights each. */
function repeatedBlocks(layers: readonly string[]): readonly RegExp[] {
  const templates = new Map<string, Map<string, Set<string>>>()
  for (const layer of layers) {
    const parts = layer.split('.')
    for (const [index, part] of parts.entries()) {
      if (!/^\d+$/.test(part)) continue
      const prefix = parts.slice(0, index + 1).join('.')
      const template = prefix.replace(/\b\d+\b/g, '#')
      const instances = templates.get(template) ?? new Map<string, Set<string>>()
      const children = instances.get(prefix) ?? new Set<string>()
      instances.set(prefix, children.add(layer))
      templates.set(template, instances)
    }
  }
  return [...templates]
    .filter(([, instances]) => {
      const full = [...instances.values()].filter((children) => children.size >= 2)
      return full.length >= 2
    })
    .map(([template]) => new RegExp(`^${escape(template).replaceAll('#', '\\d+')}\\.`))
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function firstAfterInputs(graph: Flow, uses: readonly Multiplier[]): readonly string[] {
  const byNode = weightsByNode(uses)
  const open = new Set(graph.inputs.map((input) => input.name))
  const found: string[] = []
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => open.has(input))) continue
    const weights = byNode.get(node)
    if (weights === undefined) for (const output of node.outputs) open.add(output)
    else found.push(...weights)
  }
  return found
}

/** An operator may multiply by several weights: an LSTM by two. */
function weightsByNode(uses: readonly Multiplier[]): ReadonlyMap<FlowNode, readonly string[]> {
  const weights = new Map<FlowNode, string[]>()
  for (const { node, weight } of uses) {
    const own = weights.get(node)
    if (own === undefined) weights.set(node, [weight])
    else own.push(weight)
  }
  return weights
}

function lastBeforeOutputs(graph: Flow, uses: readonly Multiplier[]): readonly string[] {
  const byNode = weightsByNode(uses)
  const state = stateOutputs(graph)
  const results = graph.outputs.filter((output) => !state.has(output.name))
  const open = new Set(results.map((output) => output.name))
  const found: string[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => open.has(output))) continue
    const weights = byNode.get(node)
    if (weights === undefined) for (const input of node.inputs) open.add(input)
    else found.push(...weights)
  }
  return found
}

/**
 * Outputs that continue an input by appending to it (a key-value cache): they pass state on and
 * are no results, so what feeds them is not the last weighted operator.
 */
function stateOutputs(graph: Flow): ReadonlySet<string> {
  const inputs = new Set(graph.inputs.map((input) => input.name))
  const appending = graph.nodes.filter(
    (node) => node.op === 'Concat' && inputs.has(node.inputs[0] ?? ''),
  )
  return new Set(appending.flatMap((node) => node.outputs))
}
