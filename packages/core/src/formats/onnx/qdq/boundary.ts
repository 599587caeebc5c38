import type { GraphProto, ValueInfoProto } from '../generated/onnx_pb.ts'
import { TensorProto_DataType } from '../generated/onnx_pb.ts'

/** Inputs and outputs of a model that are stored as integers; none of them for float ones. */
export type Boundary = { readonly inputs: readonly string[]; readonly outputs: readonly string[] }

export const FLOAT_BOUNDARY: Boundary = { inputs: [], outputs: [] }

/** The float32 inputs and outputs of a graph that nodes compute; constants are no part of it. */
export function integerBoundary(graph: GraphProto): Boundary {
  const constants = new Set(graph.initializer.map(({ name }) => name))
  const isFloat = (value: ValueInfoProto): boolean =>
    elementType(value) === TensorProto_DataType.FLOAT && !constants.has(value.name)
  return {
    inputs: graph.input.filter(isFloat).map(({ name }) => name),
    outputs: graph.output.filter(isFloat).map(({ name }) => name),
  }
}

function elementType({ type }: ValueInfoProto): number {
  return type?.value.case === 'tensorType' ? type.value.value.elemType : 0
}
