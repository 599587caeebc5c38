import { readersByName } from '../formats/onnx/bodies.ts'
import type { Reader } from '../formats/onnx/bodies.ts'
import type { GraphProto, NodeProto } from '../formats/onnx/generated/onnx_pb.ts'
import { attributeOf, intOf } from '../formats/onnx/opset/node-edit.ts'
import { isIdentity, isPlainGemm } from '../formats/onnx/weight-layout.ts'
import type { WeightOrder } from '../formats/onnx/weight-layout.ts'
import type { WeightRole } from '../operators/weight-role.ts'
import type { WeightUse } from '../operators/weighted-operators.ts'
import { weightUsesOf } from '../operators/weighted-operators.ts'

/** What a weight is to those that read it, and how it lies in the file. */
export type WeightReading = {
  readonly role: WeightRole
  readonly order: WeightOrder
  /** Why it can only stay float; null when it can be quantized. */
  readonly whyFloat: string | null
  /** The operators that multiply by it or look it up. */
  readonly nodes: readonly NodeProto[]
}

/** One way of reading: what the weight is to one operator. */
type Way = {
  readonly role: WeightRole
  readonly order: WeightOrder
  readonly nodes: readonly NodeProto[]
  readonly whyFloat: string | null
}

/** A tensor whose readers are asked. */
export type ReadTensor = {
  readonly graph: GraphProto
  readonly name: string
  readonly shape: readonly number[]
}

/** Identity after Identity: real files have one or two. */
const MAX_IDENTITIES = 16

/** Answers what weights of a model are to their readers. */
export type WeightReadings = (tensor: ReadTensor) => WeightReading

/**
 * @param outputs - names of all values that leave a graph
 * @param rankOf - the rank of a float tensor that is stored in a graph
 */
export function weightReadings(
  outputs: ReadonlySet<string>,
  rankOf: (name: string) => number | undefined,
): WeightReadings {
  const indices = new Map<GraphProto, ReadonlyMap<string, readonly Reader[]>>()
  const readersIn = (graph: GraphProto, name: string): readonly Reader[] => {
    const index = indices.get(graph) ?? readersByName(graph)
    indices.set(graph, index)
    return index.get(name) ?? []
  }
  /** Readers, seen through Identity. */
  const realReaders = (graph: GraphProto, name: string, depth = 0): readonly Reader[] =>
    readersIn(graph, name).flatMap((reader) => {
      const [output = ''] = reader.node.output
      const isPassed = isIdentity(reader.node) && !outputs.has(output) && depth < MAX_IDENTITIES
      return isPassed ? realReaders(reader.graph, output, depth + 1) : [reader]
    })
  return ({ graph, name, shape }) => {
    if (outputs.has(name)) return stays('other', 'it is an output of its graph')
    if (shape.some((size) => size === 0)) return stays('other', 'it has no values')
    if (shape.filter((size) => size !== 1).length < 2)
      return stays('vector', 'a vector stays float')
    const readers = realReaders(graph, name)
    if (readers.length === 0) return stays('other', 'no operator reads it')
    return combined(readers.map((reader) => wayOf(reader, shape, { rankOf, readersIn, outputs })))
  }
}

function stays(role: 'vector' | 'other', whyFloat: string): WeightReading {
  return { role, order: 'as-stored', whyFloat, nodes: [] }
}

/** One answer for all readers. */
function combined(ways: readonly Way[]): WeightReading {
  const refusal = ways.find((way) => way.whyFloat !== null)
  if (refusal !== undefined) return stays('other', refusal.whyFloat ?? '')
  const nodes = ways.flatMap((way) => way.nodes)
  const [first] = ways
  const roles = new Set(ways.map((way) => way.role))
  const orders = new Set(ways.map((way) => way.order))
  if (first === undefined) return stays('other', 'no operator reads it')
  if (roles.size === 1 && orders.size === 1) {
    return { role: first.role, order: first.order, whyFloat: null, nodes }
  }
  if (roles.has('embedding')) {
    const isTied = roles.size === 2 && roles.has('linear') && orders.size === 1
    return isTied
      ? { role: 'tied-embedding', order: 'as-stored', whyFloat: null, nodes }
      : stays('other', 'it is looked up and multiplied in ways that do not go together')
  }
  if (orders.has('gates')) return stays('other', 'its operators want it in different orders')
  // Decoded once, in the order of the file, for readers of any kind.
  return { role: 'matrix', order: 'as-stored', whyFloat: null, nodes }
}

type Surroundings = {
  readonly rankOf: (name: string) => number | undefined
  readonly readersIn: (graph: GraphProto, name: string) => readonly Reader[]
  readonly outputs: ReadonlySet<string>
}

function wayOf(reader: Reader, shape: readonly number[], around: Surroundings): Way {
  const { node, input } = reader
  const domain = node.domain === 'ai.onnx' ? '' : node.domain
  if (node.opType === 'Transpose' && domain === '') return transposedWay(reader, shape, around)
  if (domain === '' && SHAPING.has(node.opType)) return shapedWay(reader, around)
  const use = weightUsesOf({
    op: node.opType,
    domain,
    attribute: (name) => intOf(node, name),
    weightRank: (at) => (at === input ? shape.length : around.rankOf(node.input[at] ?? '')),
  }).find((each) => each.input === input)
  const way = (role: WeightRole, order: WeightOrder): Way => ({
    role,
    order,
    nodes: [node],
    whyFloat: null,
  })
  if (use === undefined) return refused(node, otherReason(node, domain))
  switch (use.kind) {
    case 'conv':
      return way(isDepthwise(use, shape) ? 'depthwise-conv' : 'conv', 'as-stored')
    case 'conv-transpose':
      if (use.groups === 1) return way('conv', 'swapped')
      return way(isDepthwise(use, shape) ? 'depthwise-conv' : 'conv', 'as-stored')
    case 'matmul':
    case 'gemm':
      if (shape.length !== 2) {
        return refused(
          node,
          `${node.opType} reads it as a stack of matrices (rank ${shape.length})`,
        )
      }
      return way(isLinear(node, domain, use) ? 'linear' : 'matrix', orderOf(use))
    case 'gather':
      return shape.length === 2 && use.outputAxis === 0
        ? way('embedding', 'as-stored')
        : refused(node, `Gather looks it up along axis ${use.outputAxis} of ${shape.length}`)
    case 'recurrent':
      return way('matrix', 'gates')
  }
}

function orderOf(use: WeightUse): WeightOrder {
  return use.outputAxis === 0 ? 'as-stored' : 'swapped'
}

function isDepthwise(use: WeightUse, shape: readonly number[]): boolean {
  return use.groups > 1 && shape[1] === 1
}

/** MatMul(x, w), or a Gemm that is one with a bias: what becomes a MatMulNBits. */
function isLinear(node: NodeProto, domain: string, use: WeightUse): boolean {
  if (domain !== '' || use.input !== 1) return false
  return use.kind === 'matmul' || isPlainGemm(node)
}

/** Transpose(w) counts as what reads it: MatMul(x, Transpose(w)) is a linear layer. */
function transposedWay(reader: Reader, shape: readonly number[], around: Surroundings): Way {
  const { node, graph } = reader
  const [output = ''] = node.output
  const perm = attributeOf(node, 'perm')?.ints.map(Number) ?? [1, 0]
  const readers = around.readersIn(graph, output)
  const isPlain = shape.length === 2 && perm[0] === 1 && !around.outputs.has(output)
  const isMatMul = readers.every(
    (each) => each.node.opType === 'MatMul' && each.node.domain === '' && each.input === 1,
  )
  if (!isPlain || !isMatMul || readers.length === 0) return shapedWay(reader, around)
  const ways = readers.map((each) => wayOf(each, shape.toReversed(), around))
  const isProduct = ways.every(({ role }) => role === 'linear')
  if (!isProduct) return shapedWay(reader, around)
  const nodes = ways.flatMap((way) => way.nodes)
  return { role: 'linear', order: 'as-stored', nodes, whyFloat: null }
}

/** Operators that only arrange values: a weight is what their result is to its readers. */
const SHAPING: ReadonlySet<string> = new Set([
  'Concat',
  'Flatten',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
])

/** Steps that are followed: exporters write three or four (Slice, Concat, Unsqueeze of an LSTM). */
const MAX_STEPS = 6

/** A weight that is arranged first and multiplies then is decoded where it lies. */
function shapedWay(reader: Reader, around: Surroundings): Way {
  const ends = endReaders(reader, around, MAX_STEPS)
  const first = `${reader.node.opType} reads it`
  if (ends === null || ends.length === 0) return refused(reader.node, first)
  const multiplies = ends.every(({ node, input }) => isProductWith(node, input))
  if (!multiplies) return refused(reader.node, `${first}, and its result does not only multiply`)
  const nodes = ends.map((end) => end.node)
  return { role: 'matrix', order: 'as-stored', nodes, whyFloat: null }
}

/** Who reads a tensor in the end; null where that cannot be told. */
function endReaders(
  { graph, node, input }: Reader,
  around: Surroundings,
  steps: number,
): readonly Reader[] | null {
  const arranges = node.domain === '' && SHAPING.has(node.opType)
  if (!arranges) return [{ graph, node, input }]
  const isData = input === 0 || node.opType === 'Concat'
  if (!isData || steps === 0) return null
  const ends: Reader[] = []
  for (const output of node.output) {
    if (around.outputs.has(output)) return null
    for (const next of around.readersIn(graph, output)) {
      const own = endReaders(next, around, steps - 1)
      if (own === null) return null
      ends.push(...own)
    }
  }
  return ends
}

/** Whether an input is what the operator multiplies by, whatever its rank; tables are not. */
function isProductWith(node: NodeProto, input: number): boolean {
  return [2, 3, 4, 5].some((rank) =>
    weightUsesOf({
      op: node.opType,
      domain: node.domain === 'ai.onnx' ? '' : node.domain,
      attribute: (name) => intOf(node, name),
      weightRank: (at) => (at === input ? rank : undefined),
    }).some((use) => use.input === input && use.kind !== 'gather'),
  )
}

function refused(node: NodeProto, whyFloat: string): Way {
  return { role: 'other', order: 'as-stored', nodes: [node], whyFloat }
}

function otherReason(node: NodeProto, domain: string): string {
  return domain === ''
    ? `${node.opType} reads it; only products and lookups take integers`
    : `${domain}.${node.opType} reads it, an operator that Mixbit does not know`
}
