import { MixbitError } from '../../base/error.ts'
import type { Weight } from '../../tensor/weight.ts'
import { bytesOf } from '../../tensor/dtype.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { bodiesOf } from './bodies.ts'
import type { OnnxDocument } from './document.ts'
import type { GraphProto, NodeProto, TensorProto } from './generated/onnx_pb.ts'
import { DTYPES } from './read-dtype.ts'
import { attributeOf } from './opset/node-edit.ts'
import { memoryTensor } from './stored-tensor.ts'

/** A float tensor of a model: an initializer, or the value of a Constant node. */
export type StoredFloat = {
  /** The graph that holds it. */
  readonly graph: GraphProto
  /** The name by which nodes refer to it. */
  readonly name: string
  /** Where its graph lies: '' for the main one. */
  readonly path: string
  readonly dtype: FloatDType
  readonly shape: readonly number[]
  readonly weight: Weight
}

type FloatDType = 'float32' | 'float16' | 'bfloat16'

/** Floats of all graphs of a model, outer graphs first; a Constant of one value is none. */
export function storedFloats(document: OnnxDocument): readonly StoredFloat[] {
  return bodiesOf(document.model).flatMap(({ graph, path }) => {
    const lazy = path === '' ? document.weights : new Map<string, Weight>()
    const own = graph.initializer.flatMap((tensor) =>
      floatOf(tensor, tensor.name, { graph, path }, lazy.get(tensor.name)),
    )
    const constants = graph.node.flatMap((node) => {
      const tensor = constantTensor(node)
      const [name = ''] = node.output
      if (tensor === undefined || elementsOf(tensor.dims.map(Number)) < 2) return []
      return floatOf(tensor, name, { graph, path }, undefined)
    })
    return [...own, ...constants]
  })
}

/** The dense tensor that a Constant node holds. */
export function constantTensor(node: NodeProto): TensorProto | undefined {
  const isConstant = node.opType === 'Constant' && (node.domain === '' || node.domain === 'ai.onnx')
  return isConstant ? attributeOf(node, 'value')?.t : undefined
}

/** Takes an initializer, or the Constant node that gives the value, out of its graph. */
export function removeStored(graph: GraphProto, name: string): void {
  graph.initializer = graph.initializer.filter((tensor) => tensor.name !== name)
  graph.node = graph.node.filter(
    (node) => node.output[0] !== name || constantTensor(node) === undefined,
  )
}

function floatOf(
  tensor: TensorProto,
  name: string,
  { graph, path }: { readonly graph: GraphProto; readonly path: string },
  lazy: Weight | undefined,
): readonly StoredFloat[] {
  const dtype = DTYPES.get(tensor.dataType)
  if (dtype !== 'float32' && dtype !== 'float16' && dtype !== 'bfloat16') return []
  if (name === '') return []
  const shape = tensor.dims.map(Number)
  const weight = lazy ?? inlineWeight(tensor, { name, dtype, shape })
  return [{ graph, name, path, dtype, shape, weight }]
}

function inlineWeight(
  tensor: TensorProto,
  facts: { readonly name: string; readonly dtype: FloatDType; readonly shape: readonly number[] },
): Weight {
  const bytes = inlineBytes(tensor)
  const size = bytesOf(facts.dtype, elementsOf(facts.shape))
  if (bytes.length === size && facts.shape.every((dim) => dim >= 0)) {
    return memoryTensor(facts, bytes)
  }
  throw new MixbitError(
    'malformed',
    `Tensor "${facts.name}" has ${bytes.length} bytes where ${facts.dtype} [${facts.shape.join(', ')}] takes ${size}. The file is damaged.`,
    { tensor: facts.name, bytes: bytes.length, expected: size },
  )
}

function inlineBytes(tensor: TensorProto): Uint8Array {
  if (tensor.floatData.length > 0) return bytesOfArray(Float32Array.from(tensor.floatData))
  if (tensor.int32Data.length > 0) return bytesOfArray(Uint16Array.from(tensor.int32Data))
  return tensor.rawData
}

function bytesOfArray(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
