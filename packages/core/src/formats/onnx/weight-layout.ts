import type { Attribute } from '../../graph/graph.ts'
import { reshaped } from '../../tensor/derive.ts'
import { swapFirstAxes } from '../../tensor/derive-transpose.ts'
import type { Weight } from '../../tensor/weight.ts'
import { readersOf, replaceNode } from './bodies.ts'
import type { Reader } from './bodies.ts'
import type { GraphProto, NodeProto } from './generated/onnx_pb.ts'
import { onnxNode } from './nodes.ts'
import { floatOf, intOf } from './opset/node-edit.ts'
import { shapeTensor } from './shape-tensor.ts'

/**
 * How a weight lies in a file, and so how it is brought to the one order that everything else
 * knows: output channels first, input channels second.
 *
 * - `as-stored`: in that order already.
 * - `swapped`: [K, N] of MatMul(x, w), (in, out, ...) of ConvTranspose: the first axes exchanged.
 * - `gates`: (directions, gates, inputs) of LSTM, GRU, RNN: as one matrix.
 */
export type WeightOrder = 'as-stored' | 'swapped' | 'gates'

/** The weight in the common order. */
export function orderedWeight(weight: Weight, order: WeightOrder): Weight {
  switch (order) {
    case 'as-stored':
      return weight
    case 'swapped':
      return swapFirstAxes(weight)
    case 'gates': {
      const [directions = 1, gates = 1, inputs = 1] = weight.shape
      return reshaped(weight, [directions * gates, inputs])
    }
  }
}

/** A weight of a graph whose readers are to be rewritten. */
export type Reordering = {
  readonly graph: GraphProto
  readonly name: string
  /** As the file has it. */
  readonly shape: readonly number[]
  readonly order: WeightOrder
  /** Whether its readers multiply by it as a linear layer does, and may become a MatMul. */
  readonly isLinear: boolean
  readonly fresh: (base: string) => string
}

/**
 * Rewrites the readers of a weight so that they take it in the common order; the weight itself is
 * left to the caller. Readers inside nested graphs are rewritten too.
 */
export function reorderReaders(site: Reordering): void {
  const { graph, name, shape, order, isLinear, fresh } = site
  const gemms = isLinear ? readersOf(graph, name).filter(({ node }) => isPlainGemm(node)) : []
  const products = gemms.map((gemm) => splitGemm(gemm, fresh))
  switch (order) {
    case 'as-stored':
      // A Gemm that transposed its weight itself leaves a MatMul that does not.
      if (products.length > 0) readThrough(site, transpose(site), products)
      return
    case 'swapped':
      readThrough(site, transpose(site))
      return
    case 'gates': {
      const target = shapeTensor(fresh(`${name}_gates`), shape)
      graph.initializer.push(target)
      readThrough(site, node('Reshape', fresh(`${name}_ordered`), [name, target.name]))
    }
  }
}

/** Gemm(x, w, b) that is a product with w and a sum: nothing is scaled, x is taken as it is. */
export function isPlainGemm(gemm: NodeProto): boolean {
  return (
    gemm.opType === 'Gemm' &&
    (gemm.domain === '' || gemm.domain === 'ai.onnx') &&
    (floatOf(gemm, 'alpha') ?? 1) === 1 &&
    (floatOf(gemm, 'beta') ?? 1) === 1 &&
    (intOf(gemm, 'transA') ?? 0) === 0
  )
}

/**
 * Takes Identity nodes between a weight and its readers out. One whose output leaves the graph is
 * a reader like any other and stays.
 */
export function bypassIdentities(
  graph: GraphProto,
  name: string,
  outputs: ReadonlySet<string>,
): void {
  for (const { graph: own, node: identity } of readersOf(graph, name)) {
    const [output = ''] = identity.output
    if (!isIdentity(identity) || outputs.has(output) || output === name) continue
    own.node = own.node.filter((each) => each !== identity)
    bypassIdentities(own, output, outputs)
    for (const { node: reader } of readersOf(own, output)) {
      reader.input = reader.input.map((input) => (input === output ? name : input))
    }
  }
}

export function isIdentity(node: NodeProto): boolean {
  return node.opType === 'Identity' && (node.domain === '' || node.domain === 'ai.onnx')
}

/** Puts `step` between the weight and those that read it: by default all. */
function readThrough(
  { graph, name }: Reordering,
  step: NodeProto,
  readers: readonly NodeProto[] = readersOf(graph, name).map((reader) => reader.node),
): void {
  const [output = ''] = step.output
  for (const reader of readers) {
    reader.input = reader.input.map((input) => (input === name ? output : input))
  }
  graph.node.unshift(step)
}

function transpose({ name, shape, fresh }: Reordering): NodeProto {
  const perm = [1, 0, ...Array.from({ length: shape.length - 2 }, (_, at) => at + 2)]
  return node('Transpose', fresh(`${name}_ordered`), [name], {
    perm: { kind: 'ints', value: perm },
  })
}

/** Gemm(x, w, b) -> Add(MatMul(x, w), b); gives the MatMul. */
function splitGemm(reader: Reader, fresh: (base: string) => string): NodeProto {
  const { node: gemm } = reader
  const [x = '', w = '', bias = ''] = gemm.input
  const [output = ''] = gemm.output
  const product = bias === '' ? output : fresh(`${output}_product`)
  const matmul = node('MatMul', product, [x, w])
  matmul.name = gemm.name
  const sum = node('Add', output, [product, bias])
  sum.name = fresh(`${output}_bias`)
  replaceNode(reader, bias === '' ? [matmul] : [matmul, sum])
  return matmul
}

function node(
  op: string,
  output: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): NodeProto {
  return onnxNode({ op, name: output, inputs, outputs: [output], attributes })
}
