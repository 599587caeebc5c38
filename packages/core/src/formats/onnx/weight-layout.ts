import { create } from '@bufbuild/protobuf'

import type { Attribute } from '../../graph/graph.ts'
import { reshaped } from '../../tensor/derive.ts'
import { swapFirstAxes } from '../../tensor/derive-transpose.ts'
import type { Weight } from '../../tensor/weight.ts'
import { ONNX_DATA_TYPE } from './data-types.ts'
import type { GraphProto, NodeProto } from './generated/onnx_pb.ts'
import { TensorProtoSchema } from './generated/onnx_pb.ts'
import { consumersOf, onnxNode } from './nodes.ts'

/**
 * How a weight lies in a file, and so how it is brought to the one order that everything else
 * knows: output channels first, input channels second.
 *
 * - `as-stored`: in that order already, also behind a Transpose.
 * - `matmul`: [K, N] of MatMul(x, w): exchanged, with a Transpose before its readers.
 * - `gemm`: [N, K] of Gemm(x, w) with transB: MatMul and Add, through a Transpose.
 * - `gemm-inputs-first`: [K, N] of Gemm(x, w): exchanged, then as `gemm`.
 * - `conv-transpose`: (in, out, ...): exchanged, with a Transpose before its readers.
 * - `gates`: (directions, gates, inputs) of LSTM, GRU, RNN: one matrix, with a Reshape.
 */
export type WeightLayout =
  | 'as-stored'
  | 'matmul'
  | 'gemm'
  | 'gemm-inputs-first'
  | 'conv-transpose'
  | 'gates'

/** The weight in the common order. */
export function orderedWeight(weight: Weight, layout: WeightLayout): Weight {
  switch (layout) {
    case 'as-stored':
    case 'gemm':
      return weight
    case 'matmul':
    case 'gemm-inputs-first':
    case 'conv-transpose':
      return swapFirstAxes(weight)
    case 'gates': {
      const [directions = 1, gates = 1, inputs = 1] = weight.shape
      return reshaped(weight, [directions * gates, inputs])
    }
  }
}

/**
 * Rewrites the readers of initializer `name` so that they take it in the common order; the
 * initializer itself is left to the caller.
 *
 * @param shape - of the weight as the file has it
 */
export function reorderReaders(
  graph: GraphProto,
  name: string,
  shape: readonly number[],
  layout: WeightLayout,
): void {
  switch (layout) {
    case 'as-stored':
      return
    case 'matmul':
    case 'conv-transpose':
      readThrough(graph, name, transpose(name, shape.length))
      return
    case 'gates':
      graph.initializer.push(shapeTensor(`${name}_gates`, shape))
      readThrough(graph, name, node('Reshape', `${name}_ordered`, [name, `${name}_gates`]))
      return
    case 'gemm':
    case 'gemm-inputs-first':
      for (const gemm of consumersOf(graph, name)) splitGemm(graph, gemm)
      readThrough(graph, name, transpose(name, shape.length))
  }
}

/** Puts `step` between the weight and all that read it. */
function readThrough(graph: GraphProto, name: string, step: NodeProto): void {
  const output = step.output[0] ?? ''
  for (const reader of consumersOf(graph, name)) {
    reader.input = reader.input.map((input) => (input === name ? output : input))
  }
  graph.node.unshift(step)
}

function transpose(name: string, rank: number): NodeProto {
  const perm = [1, 0, ...Array.from({ length: rank - 2 }, (_, at) => at + 2)]
  return node('Transpose', `${name}_ordered`, [name], { perm: { kind: 'ints', value: perm } })
}

/** Gemm(x, w, b) -> Add(MatMul(x, w), b), for a Gemm that scales nothing. */
function splitGemm(graph: GraphProto, gemm: NodeProto): void {
  const [x = '', w = '', bias = ''] = gemm.input
  const output = gemm.output[0] ?? ''
  const hasBias = bias !== ''
  const product = hasBias ? `${output}_product` : output
  const matmul = node('MatMul', product, [x, w])
  matmul.name = gemm.name === '' ? product : gemm.name
  const nodes = hasBias
    ? [matmul, { ...node('Add', output, [product, bias]), name: `${output}_bias` }]
    : [matmul]
  graph.node.splice(graph.node.indexOf(gemm), 1, ...nodes)
}

function node(
  op: string,
  output: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): NodeProto {
  return onnxNode({ op, name: output, inputs, outputs: [output], attributes })
}

function shapeTensor(name: string, shape: readonly number[]) {
  const values = new BigInt64Array(shape.map(BigInt))
  return create(TensorProtoSchema, {
    name,
    dims: [BigInt(shape.length)],
    dataType: ONNX_DATA_TYPE.int64,
    rawData: new Uint8Array(values.buffer),
  })
}
