import { isConstant } from '../formats/coreml/chain.ts'
import type { CoremlDocument, CoremlWeight } from '../formats/coreml/document.ts'
import type { Operation, Program } from '../formats/coreml/generated/coreml_pb.ts'
import type { ProgramWalk } from '../formats/coreml/program.ts'
import { isMoving } from '../formats/coreml/moved-values.ts'
import type { Flow, FlowNode, Multiplier, Position } from './positions.ts'
import { placesOf } from './positions.ts'

/** Calls of each operation that computes, those of inner blocks included, the most frequent first. */
export function operationCounts({ operations }: ProgramWalk): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const { operation } of operations) {
    if (isConstant(operation.type)) continue
    counts.set(operation.type, (counts.get(operation.type) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))
}

/** Where each multiplying weight of a program stands; names of functions keep their values apart. */
export function packagePlaces(
  document: CoremlDocument,
  walk: ProgramWalk,
): ReadonlyMap<string, Position> {
  const { mlProgram } = document.model
  if (mlProgram === undefined) return new Map()
  const nodes = new Map<string, FlowNode>()
  for (const { function: name, operation } of walk.operations) {
    if (isConstant(operation.type)) continue
    nodes.set(keyOf(name, operation.outputs[0]?.name ?? ''), flowNode(name, operation))
  }
  const order = new Map([...nodes.values()].map((node, at) => [node, at]))
  const readers = readersByValue([...nodes.values()])
  const multipliers = [...document.weights.values()]
    .flatMap((weight) => usesOf(weight, nodes, readers))
    .toSorted((a, b) => (order.get(a.node) ?? 0) - (order.get(b.node) ?? 0))
  return placesOf(flowOf(mlProgram, document, [...nodes.values()]), multipliers)
}

function flowNode(name: string, { type, inputs, outputs }: Operation): FlowNode {
  return {
    op: type,
    inputs: inputs.flatMap(({ value }) =>
      (value?.arguments ?? []).flatMap(({ binding }) =>
        binding.case === 'name' ? [keyOf(name, binding.value)] : [],
      ),
    ),
    outputs: outputs.map((output) => keyOf(name, output.name)),
  }
}

function usesOf(
  { name, role, whyFloat, uses }: CoremlWeight,
  nodes: ReadonlyMap<string, FlowNode>,
  readers: ReadonlyMap<string, readonly FlowNode[]>,
): readonly Multiplier[] {
  if (whyFloat !== null || role === 'embedding' || role === 'other' || role === 'vector') return []
  return uses.flatMap(({ function: scope, op, output }) => {
    const node = nodes.get(keyOf(scope, output))
    if (node === undefined || op === 'gather') return []
    return beyondMoves(node, readers).map((each) => ({ weight: name, node: each }))
  })
}

/** More operations than work with a weight that is moved before; bounds what damaged programs cost. */
const MOST_READERS = 32

/** An operation, or, where it only moves values, those that work with what it gives. */
function beyondMoves(
  node: FlowNode,
  readers: ReadonlyMap<string, readonly FlowNode[]>,
): readonly FlowNode[] {
  const seen = new Set<FlowNode>([node])
  // What is added while the set is walked is walked as well.
  for (const each of seen) {
    if (!isMoving(each.op)) continue
    for (const name of each.outputs.slice(0, MOST_READERS)) {
      const next = readers.get(name)?.slice(0, Math.max(0, MOST_READERS - seen.size)) ?? []
      for (const reader of next) seen.add(reader)
    }
  }
  return [...seen].filter(({ op }) => !isMoving(op))
}

function readersByValue(nodes: readonly FlowNode[]): ReadonlyMap<string, readonly FlowNode[]> {
  const readers = new Map<string, FlowNode[]>()
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      const own = readers.get(input)
      if (own === undefined) readers.set(input, [node])
      else own.push(node)
    }
  }
  return readers
}

function flowOf(program: Program, { weights }: CoremlDocument, nodes: readonly FlowNode[]): Flow {
  const functions = program.functions.flatMap(({ key, value }) =>
    value === undefined ? [] : [{ key, value }],
  )
  return {
    inputs: functions.flatMap(({ key, value }) =>
      value.inputs.map(({ name }) => ({ name: keyOf(key, name) })),
    ),
    outputs: functions.flatMap(({ key, value }) =>
      value.blockSpecializations.flatMap((block) =>
        (block.value?.outputs ?? []).map((name) => ({ name: keyOf(key, name) })),
      ),
    ),
    nodes,
    weights: new Map([...weights.keys()].map((name) => [name, { layer: dotted(name) }])),
  }
}

/** Numbered blocks of layers are known by dots; converters write `layers_0_weight`. */
function dotted(name: string): string {
  return name.replaceAll('_', '.')
}

function keyOf(scope: string, name: string): string {
  return `${scope}/${name}`
}
