import type { PassedOn } from '../../../targets/integer-kernels.ts'
import { LIGHT_OPERATORS } from '../../../targets/integer-kernels.ts'
import type { GraphProto, NodeProto } from '../generated/onnx_pb.ts'
import { tensorNumbers } from '../opset/constants.ts'
import { attributeOf, floatOf, inputOf, stringOf } from '../opset/node-edit.ts'
import type { Boundary } from './boundary.ts'
import { FLOAT_BOUNDARY } from './boundary.ts'
import type { GraphView } from './graph-view.ts'
import { graphView, isStandard } from './graph-view.ts'
import type { WeightedNode } from './weighted-node.ts'
import { weightedNode } from './weighted-node.ts'

/** The activation after an operator that QuantizeLinear does by itself: it cuts at its ends. */
export type AbsorbedClip = { readonly node: NodeProto; readonly min: number; readonly max: number }

/** A node that is to run on integers. */
export type IntegerNode = {
  readonly node: NodeProto
  /** What it multiplies with; null for an operator without weights. */
  readonly weighted: WeightedNode | null
  /** Activations that it reads. */
  readonly inputs: readonly string[]
  /** Values that it makes, behind the absorbed activation. */
  readonly outputs: readonly string[]
  /** Whether its outputs become integers; else its kernel gives float. */
  readonly quantizesOutput: boolean
  readonly scales: PassedOn
  readonly absorbed: AbsorbedClip | null
}

/** A node that multiplies weights and stays float, or one that could have run on integers. */
export type FloatNode = {
  readonly node: NodeProto
  readonly reason: string
  /** Its weight, when integers would save nothing there either. */
  readonly weight?: string
}

/** Which nodes run on integers, in the order of the graph. */
export type Placement = {
  readonly integers: readonly IntegerNode[]
  readonly floats: readonly FloatNode[]
  /** Inputs and outputs of the model that are integers too. */
  readonly boundary: Boundary
}

/** Why somebody keeps a node float; null where nobody does. */
export type Exclusion = (node: NodeProto, weight: string) => string | null

/**
 * Chooses the nodes that run on integers: every Conv, Gemm and MatMul that has an integer kernel, and
 * of the operators between them those whose inputs are integers and whose output an integer node reads.
 * Tails, such as box decoding and NMS, are read by none, and so stay float.
 *
 * @param boundary - inputs and outputs of the graph that are integers; such an output counts as a reader
 */
export function placeIntegers(
  graph: GraphProto,
  exclusion: Exclusion,
  boundary: Boundary = FLOAT_BOUNDARY,
): Placement {
  const view = graphView(graph)
  const weighted = new Map<NodeProto, WeightedNode>()
  const floats: FloatNode[] = []
  for (const node of graph.node) {
    const found = weightedNode(view, node)
    if (found === null) continue
    if ('reason' in found) {
      floats.push({ node, ...found })
      continue
    }
    const excluded = exclusion(node, found.weight)
    if (excluded === null) weighted.set(node, found)
    else floats.push({ node, reason: excluded })
  }
  const candidates = candidateNodes(graph, view, weighted, { exclusion, boundary })
  const integers = chosenNodes(candidates, boundary)
  const chosen = new Set(integers.map(({ node }) => node))
  for (const { node, weighted: weights } of candidates) {
    if (weights === null && !chosen.has(node)) {
      floats.push({ node, reason: 'no integer operator reads its output' })
    }
  }
  return { integers, floats, boundary }
}

/** What could run on integers when something before and after it does. */
type Candidate = Omit<IntegerNode, 'quantizesOutput'>

function candidateNodes(
  graph: GraphProto,
  view: GraphView,
  weighted: ReadonlyMap<NodeProto, WeightedNode>,
  { exclusion, boundary }: { readonly exclusion: Exclusion; readonly boundary: Boundary },
): readonly Candidate[] {
  /** Values that are integers, or that an integer kernel can give. */
  const available = new Set(boundary.inputs)
  const candidates: Candidate[] = []
  for (const node of graph.node) {
    const weights = weighted.get(node)
    const candidate =
      weights === undefined
        ? lightCandidate(view, node, available)
        : weightedCandidate(view, node, weights)
    if (candidate === null || (weights === undefined && exclusion(node, '') !== null)) continue
    candidates.push(candidate)
    for (const output of candidate.outputs) available.add(output)
  }
  return candidates
}

function weightedCandidate(view: GraphView, node: NodeProto, weighted: WeightedNode): Candidate {
  const last = weighted.adder ?? node
  const absorbed = absorbedClip(view, last)
  const outputs = [(absorbed?.node ?? last).output[0] ?? '']
  return { node, weighted, inputs: [weighted.input], outputs, scales: 'own', absorbed }
}

function lightCandidate(
  view: GraphView,
  node: NodeProto,
  available: ReadonlySet<string>,
): Candidate | null {
  const facts =
    isStandard(node) && Object.hasOwn(LIGHT_OPERATORS, node.opType)
      ? LIGHT_OPERATORS[node.opType]
      : undefined
  if (facts === undefined || !hasKernel(node)) return null
  const inputs = facts.inputs === 'all' ? node.input : node.input.slice(0, facts.inputs)
  if (inputs.length === 0 || !inputs.every((input) => available.has(input))) return null
  const others = node.input.slice(inputs.length)
  if (others.some((input) => input !== '' && view.constant(input) === undefined)) return null
  const absorbed = facts.scales === 'own' ? absorbedClip(view, node) : null
  const outputs = absorbed === null ? node.output : absorbed.node.output
  return { node, weighted: null, inputs, outputs, scales: facts.scales, absorbed }
}

/** Resize moves values only in mode nearest; MaxPool gives no indices as integers. */
function hasKernel(node: NodeProto): boolean {
  switch (node.opType) {
    case 'Resize':
      return (stringOf(node, 'mode') ?? 'nearest') === 'nearest'
    case 'MaxPool':
      return node.output.length === 1
    case 'AveragePool':
      return attributeOf(node, 'dilations')?.ints.every((size) => size === 1n) ?? true
    default:
      return true
  }
}

/** From last to first: an operator without weights is chosen when a chosen one reads what it makes. */
function chosenNodes(
  candidates: readonly Candidate[],
  { outputs }: Boundary,
): readonly IntegerNode[] {
  const wanted = new Set(outputs)
  const chosen: IntegerNode[] = []
  for (const candidate of candidates.toReversed()) {
    const isWanted = candidate.outputs.some((output) => wanted.has(output))
    if (candidate.weighted === null && !isWanted) continue
    // Conv has no integer kernel that gives float; Gemm and MatMul have.
    const quantizesOutput = isWanted || candidate.weighted?.kind === 'conv'
    for (const input of candidate.inputs) wanted.add(input)
    chosen.push({ ...candidate, quantizesOutput })
  }
  return chosen.toReversed()
}

/** Relu, or Clip with constant ends around 0, when it alone reads the output of `node`. */
function absorbedClip(view: GraphView, node: NodeProto): AbsorbedClip | null {
  const output = node.output[0] ?? ''
  const [next, ...others] = view.readers(output)
  if (next === undefined || others.length > 0 || view.isPinned(output) || !isStandard(next)) {
    return null
  }
  if (next.opType === 'Relu') return { node: next, min: 0, max: Infinity }
  if (next.opType !== 'Clip' || inputOf(next, 0) !== output) return null
  const min = clipEnd(view, next, 1, 'min', -Infinity)
  const max = clipEnd(view, next, 2, 'max', Infinity)
  const holdsZero = min !== undefined && max !== undefined && min <= 0 && max > 0
  return holdsZero ? { node: next, min, max } : null
}

function clipEnd(
  view: GraphView,
  clip: NodeProto,
  input: number,
  attribute: string,
  none: number,
): number | undefined {
  const name = inputOf(clip, input)
  if (name === '') return floatOf(clip, attribute) ?? none
  const tensor = view.constant(name)
  return tensor === undefined ? undefined : tensorNumbers(tensor)?.[0]
}
