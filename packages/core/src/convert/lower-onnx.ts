import { create } from '@bufbuild/protobuf'

import { ONNX_DATA_TYPE } from '../formats/onnx/data-types.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type OperatorSetIdProto,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  type TensorShapeProto_Dimension,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../formats/onnx/generated/onnx_pb.ts'
import { onnxNode } from '../formats/onnx/nodes.ts'
import type { Constant, Dimension, Graph, Value } from '../graph/graph.ts'
import type { Weight } from '../tensor/weight.ts'

/** The file format that came with opset 21. https://onnx.ai/onnx/repo-docs/Versioning.html */
const IR_VERSION = 10n

/**
 * Writes a graph as an ONNX document in float32. Weights become initializers without bytes, listed
 * in the document's `weights`; constants are stored inside.
 */
export function lowerToOnnx(graph: Graph): OnnxDocument {
  const weights = new Map<string, Weight>()
  const initializers: TensorProto[] = []
  for (const [name, { weight }] of graph.weights) {
    weights.set(name, weight)
    initializers.push(tensor(name, 'float32', weight.shape))
  }
  for (const [name, constant] of graph.constants) {
    const { dtype, shape } = constant
    initializers.push({ ...tensor(name, dtype, shape), rawData: constantBytes(constant) })
  }
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'mixbit',
    opsetImport: opsets(graph),
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: graph.nodes.map(onnxNode),
      initializer: initializers,
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
    }),
  })
  return { format: 'onnx', model, weights }
}

function opsets(graph: Graph): OperatorSetIdProto[] {
  const imports = [create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(graph.opset) })]
  const domains = new Set(graph.nodes.map(({ domain }) => domain).filter((domain) => domain !== ''))
  for (const domain of [...domains].sort()) {
    imports.push(create(OperatorSetIdProtoSchema, { domain, version: 1n }))
  }
  return imports
}

function tensor(name: string, dtype: Constant['dtype'], shape: readonly number[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: ONNX_DATA_TYPE[dtype],
  })
}

/** Little-endian, as ONNX asks and as every platform that runs JavaScript has it. */
function constantBytes({ dtype, values }: Constant): Uint8Array {
  switch (dtype) {
    case 'float32':
      return new Uint8Array(Float32Array.from(values).buffer)
    case 'int64':
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
    case 'int32':
      return new Uint8Array(Int32Array.from(values).buffer)
    case 'bool':
      return Uint8Array.from(values)
  }
}

function valueInfo({ name, dtype, shape }: Value): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: { elemType: ONNX_DATA_TYPE[dtype], shape: { dim: shape.map(dimension) } },
      },
    },
  })
}

function dimension(size: Dimension): TensorShapeProto_Dimension {
  return create(TensorShapeProto_DimensionSchema, {
    value:
      typeof size === 'number'
        ? { case: 'dimValue', value: BigInt(size) }
        : { case: 'dimParam', value: size },
  })
}
