import { clearField } from '@bufbuild/protobuf'

import { ensure } from '../../base/error.ts'
import { bytesOf } from '../../tensor/dtype.ts'
import { elementsOf } from '../../tensor/weight.ts'
import {
  TensorProto_DataLocation,
  TensorProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
} from './generated/onnx_pb.ts'
import { DTYPES } from './read-dtype.ts'
import { ensureInside, externalRegion, type ExternalSources } from './read-external.ts'
import { ensureBytes, shapeOf } from './read-shape.ts'

/**
 * Puts the values of external tensors that are no initializers of the main graph (constants inside
 * nodes, initializers of sub-graphs, sparse tensors) into the message itself: a document then
 * depends on no other file but through its weights.
 *
 * @param limit - most bytes to take in, all tensors together
 */
export async function inlineNestedTensors(
  file: string,
  model: ModelProto,
  externals: ExternalSources,
  limit: number,
): Promise<void> {
  let taken = 0
  for (const tensor of nestedTensors(model)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue
    const bytes = await readExternal(file, tensor, externals, limit - taken)
    taken += bytes.length
    tensor.rawData = new Uint8Array(bytes)
    clearField(tensor, TensorProtoSchema.field.externalData)
    clearField(tensor, TensorProtoSchema.field.dataLocation)
  }
}

async function readExternal(
  file: string,
  tensor: TensorProto,
  externals: ExternalSources,
  limit: number,
): Promise<Uint8Array> {
  const facts = { file, tensor: tensor.name }
  const dtype = DTYPES.get(tensor.dataType)
  ensure(
    dtype !== undefined,
    'unsupported-dtype',
    `Constant "${tensor.name}" of "${file}" has ONNX data type ${tensor.dataType} in an external file; ` +
      'store it inside the ONNX file.',
    facts,
  )
  const shape = shapeOf(file, tensor)
  const size = bytesOf(dtype, elementsOf(shape))
  const { path, offset, length } = externalRegion(file, tensor)
  if (length !== undefined) ensureBytes(file, tensor.name, dtype, shape, length)
  const external = await externals.open(path)
  ensureInside(file, tensor.name, external, offset, size)
  ensure(
    size <= limit,
    'limit-exceeded',
    `The constants inside the nodes of "${file}" take more memory than is read. ` +
      'Store them as initializers.',
    facts,
  )
  return external.read(offset, size)
}

/** Every tensor of a model but the dense initializers of its main graph. */
function* nestedTensors(model: ModelProto): Generator<TensorProto> {
  if (model.graph !== undefined) {
    yield* sparseTensors(model.graph.sparseInitializer)
    yield* tensorsOfNodes(model.graph.node)
  }
  for (const { node, attributeProto } of model.functions) {
    yield* tensorsOfNodes(node)
    yield* tensorsOfAttributes(attributeProto)
  }
  for (const { initialization, algorithm } of model.trainingInfo) {
    if (initialization !== undefined) yield* tensorsOfGraph(initialization)
    if (algorithm !== undefined) yield* tensorsOfGraph(algorithm)
  }
}

function* tensorsOfGraph(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer
  yield* sparseTensors(graph.sparseInitializer)
  yield* tensorsOfNodes(graph.node)
}

function* tensorsOfNodes(nodes: readonly NodeProto[]): Generator<TensorProto> {
  for (const node of nodes) yield* tensorsOfAttributes(node.attribute)
}

function* tensorsOfAttributes(attributes: readonly AttributeProto[]): Generator<TensorProto> {
  for (const attribute of attributes) {
    if (attribute.t !== undefined) yield attribute.t
    yield* attribute.tensors
    if (attribute.sparseTensor !== undefined) yield* sparseTensors([attribute.sparseTensor])
    yield* sparseTensors(attribute.sparseTensors)
    if (attribute.g !== undefined) yield* tensorsOfGraph(attribute.g)
    for (const graph of attribute.graphs) yield* tensorsOfGraph(graph)
  }
}

function* sparseTensors(tensors: readonly SparseTensorProto[]): Generator<TensorProto> {
  for (const { values, indices } of tensors) {
    if (values !== undefined) yield values
    if (indices !== undefined) yield indices
  }
}
