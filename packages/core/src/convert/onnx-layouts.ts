import type { GraphProto, NodeProto } from '../formats/onnx/generated/onnx_pb.ts'
import type { WeightLayout } from '../formats/onnx/weight-layout.ts'

/** One input of a node that reads an initializer. */
type Reader = { readonly node: NodeProto; readonly input: number; readonly isNested: boolean }

/**
 * The layout of every initializer whose readers all want it the same way; others keep their values
 * and are left out. Whatever a nested graph reads too is left alone.
 */
export function weightLayouts(graph: GraphProto): ReadonlyMap<string, WeightLayout> {
  const readers = readersByName(graph)
  const outputs = new Set(graph.output.map(({ name }) => name))
  const layouts = new Map<string, WeightLayout>()
  for (const { name, dims } of graph.initializer) {
    const own = readers.get(name) ?? []
    if (own.length === 0 || outputs.has(name)) continue
    const kinds = new Set(own.map((reader) => layoutFor(reader, dims.length, readers)))
    const [layout] = kinds
    if (kinds.size === 1 && layout !== undefined && layout !== null) layouts.set(name, layout)
  }
  return layouts
}

function readersByName(graph: GraphProto): ReadonlyMap<string, readonly Reader[]> {
  const readers = new Map<string, Reader[]>()
  const visit = (nodes: readonly NodeProto[], isNested: boolean): void => {
    for (const node of nodes) {
      for (const [input, name] of node.input.entries()) {
        const list = readers.get(name) ?? []
        list.push({ node, input, isNested })
        readers.set(name, list)
      }
      for (const { g, graphs } of node.attribute) {
        for (const nested of g === undefined ? graphs : [g, ...graphs]) visit(nested.node, true)
      }
    }
  }
  visit(graph.node, false)
  return readers
}

function layoutFor(
  { node, input, isNested }: Reader,
  rank: number,
  readers: ReadonlyMap<string, readonly Reader[]>,
): WeightLayout | null {
  if (isNested || (node.domain !== '' && node.domain !== 'ai.onnx')) return null
  switch (node.opType) {
    case 'Conv':
      return input === 1 && rank >= 3 ? 'as-stored' : null
    case 'ConvTranspose':
      return input === 1 && rank >= 3 && intAttribute(node, 'group', 1) === 1
        ? 'conv-transpose'
        : null
    case 'MatMul':
      if (rank !== 2) return null
      return input === 1 ? 'matmul' : 'as-stored'
    case 'Gemm':
      return input === 1 ? gemmLayout(node) : null
    case 'Transpose':
      return rank === 2 && isReadByMatMul(node, readers) ? 'as-stored' : null
    case 'Gather':
      return input === 0 && rank === 2 && intAttribute(node, 'axis', 0) === 0 ? 'as-stored' : null
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return input === 1 || input === 2 ? 'gates' : null
    default:
      return null
  }
}

/** Only a Gemm that scales nothing and takes x as it is equals MatMul and Add. */
function gemmLayout(node: NodeProto): WeightLayout | null {
  const isPlain =
    floatAttribute(node, 'alpha') === 1 &&
    floatAttribute(node, 'beta') === 1 &&
    intAttribute(node, 'transA', 0) === 0
  if (!isPlain) return null
  return intAttribute(node, 'transB', 0) === 1 ? 'gemm' : 'gemm-inputs-first'
}

function isReadByMatMul(
  transpose: NodeProto,
  readers: ReadonlyMap<string, readonly Reader[]>,
): boolean {
  const perm = transpose.attribute.find(({ name }) => name === 'perm')?.ints ?? [1n, 0n]
  const next = readers.get(transpose.output[0] ?? '') ?? []
  return (
    Number(perm[0]) === 1 &&
    next.length > 0 &&
    next.every(({ node, input, isNested }) => node.opType === 'MatMul' && input === 1 && !isNested)
  )
}

function intAttribute(node: NodeProto, name: string, byDefault: number): number {
  const attribute = node.attribute.find((each) => each.name === name)
  return attribute === undefined ? byDefault : Number(attribute.i)
}

/** alpha and beta are 1 by default. */
function floatAttribute(node: NodeProto, name: string): number {
  return node.attribute.find((each) => each.name === name)?.f ?? 1
}
