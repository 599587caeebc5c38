import { clone, create } from '@bufbuild/protobuf'

import type { DType } from '../../../tensor/dtype.ts'
import type { Weight } from '../../../tensor/weight.ts'
import { ONNX_DATA_TYPE } from '../data-types.ts'
import type { OnnxDocument } from '../document.ts'
import type { GraphProto, ModelProto, TensorProto } from '../generated/onnx_pb.ts'
import {
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
} from '../generated/onnx_pb.ts'
import { collectNames, newName } from '../opset/names.ts'
import { initializer } from '../read-onnx.ts'
import type { StoredTensor } from '../stored-tensor.ts'
import { mainGraph } from './graph-view.ts'

/** A copy of a document that is being rewritten. */
export type EditableDocument = {
  readonly model: ModelProto
  readonly graph: GraphProto
  readonly weights: Map<string, Weight>
  /** A name that nothing in the model has yet. */
  readonly unused: (base: string) => string
}

/** A copy whose model may be changed; the values of its weights are shared. */
export function editable(document: OnnxDocument): EditableDocument {
  const model = clone(ModelProtoSchema, document.model)
  const graph = mainGraph(model)
  const names = collectNames([graph, ...model.functions])
  return {
    model,
    graph,
    weights: new Map(document.weights),
    unused: (base) => newName(base, names),
  }
}

export function documentOf({ model, weights }: EditableDocument): OnnxDocument {
  return { format: 'onnx', model, weights }
}

/** The values of an initializer, in the file or in the message. */
export function constantValues(document: EditableDocument, name: string): StoredTensor | undefined {
  return initializer(documentOf(document), name)
}

/** All values of a small float initializer. */
export async function readWhole(document: EditableDocument, name: string): Promise<Float32Array> {
  const stored = constantValues(document, name)
  if (stored === undefined) throw new TypeError(`"${name}" is no initializer`)
  return stored.readRows(0, stored.shape[0] ?? 1)
}

/** Adds an initializer whose values are computed when they are written. */
export function addComputed(document: EditableDocument, weight: Weight): void {
  document.graph.initializer.push(tensorOf(weight.name, weight.dtype, weight.shape))
  document.weights.set(weight.name, weight)
}

/** Adds a small initializer. */
export function addSmall(
  document: EditableDocument,
  facts: { readonly name: string; readonly dtype: DType; readonly shape: readonly number[] },
  bytes: Uint8Array,
): void {
  const tensor = tensorOf(facts.name, facts.dtype, facts.shape)
  tensor.rawData = bytes.slice()
  document.graph.initializer.push(tensor)
}

function tensorOf(name: string, dtype: DType, shape: readonly number[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: ONNX_DATA_TYPE[dtype],
  })
}

/** Takes an initializer out, to be replaced by another of its name. */
export function removeInitializer({ graph, weights }: EditableDocument, name: string): void {
  graph.initializer = graph.initializer.filter((tensor) => tensor.name !== name)
  weights.delete(name)
}

/** Removes those of the initializers that no node reads any more. */
export function dropUnread(document: EditableDocument, names: Iterable<string>): void {
  const { graph, weights } = document
  const candidates = new Set(names)
  const read = collectNames([])
  for (const { name } of graph.output) read.add(name)
  for (const node of graph.node) {
    for (const input of node.input) read.add(input)
    collectNames(
      node.attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs])),
      read,
    )
  }
  const isGone = (name: string): boolean => candidates.has(name) && !read.has(name)
  graph.initializer = graph.initializer.filter(({ name }) => !isGone(name))
  graph.input = graph.input.filter(({ name }) => !isGone(name))
  for (const name of candidates) if (!read.has(name)) weights.delete(name)
}

/** Forgets what the model said of the shapes of values that are gone. */
export function dropStaleInfo({ graph }: EditableDocument): void {
  const known = new Set(graph.initializer.map(({ name }) => name))
  for (const { output } of graph.node) for (const name of output) known.add(name)
  graph.valueInfo = graph.valueInfo.filter(({ name }) => known.has(name))
}

/** Declares ONNX Runtime's own operators. */
export function useMicrosoft({ model }: EditableDocument): void {
  if (model.opsetImport.some(({ domain }) => domain === 'com.microsoft')) return
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }))
}
