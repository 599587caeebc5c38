import { clone, create } from '@bufbuild/protobuf'

import type { OnnxDocument } from '../document.ts'
import type { ValueInfoProto } from '../generated/onnx_pb.ts'
import {
  ModelProtoSchema,
  TensorProto_DataType,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from '../generated/onnx_pb.ts'
import { mainGraph } from './graph-view.ts'

/** A copy of a model that gives these float values too; inputs are known to the caller already. */
export function withOutputs(
  { model, weights }: OnnxDocument,
  values: readonly string[],
): OnnxDocument {
  const copy = clone(ModelProtoSchema, model)
  const graph = mainGraph(copy)
  const known = new Set([...graph.output, ...graph.input].map(({ name }) => name))
  for (const name of values) {
    if (!known.has(name)) graph.output.push(floatOutput(name))
  }
  return { format: 'onnx', model: copy, weights }
}

/** The declaration of a float32 output of any shape. */
export function floatOutput(name: string): ValueInfoProto {
  const elemType = TensorProto_DataType.FLOAT
  const type = create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType } } })
  return create(ValueInfoProtoSchema, { name, type })
}
