import { clone } from '@bufbuild/protobuf'

import type { LiftedWeight } from '../convert/lift-onnx.ts'
import { liftOnnx } from '../convert/lift-onnx.ts'
import { lowerToOnnx } from '../convert/lower-onnx.ts'
import { outputNames } from '../formats/onnx/bodies.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import type { Activations } from '../formats/onnx/encode-site.ts'
import type { GraphProto, ModelProto } from '../formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema } from '../formats/onnx/generated/onnx_pb.ts'
import { raiseIr } from '../formats/onnx/opset/ir-version.ts'
import { raiseDocument } from '../formats/onnx/opset/raise-document.ts'
import { opsetOf } from '../formats/onnx/opset/raise-opset.ts'
import { collectNames, newName } from '../formats/onnx/opset/names.ts'
import { removeStored } from '../formats/onnx/stored-floats.ts'
import { bypassIdentities, reorderReaders } from '../formats/onnx/weight-layout.ts'
import type { Graph } from '../graph/graph.ts'
import type { Weight } from '../tensor/weight.ts'

/** A weight that a plan decides. */
export type SourceWeight = {
  /** The name of its initializer. */
  readonly name: string
  /** The graph that holds it; `null` for the main one. */
  readonly graph: GraphProto | null
  readonly layer: string
  readonly weight: Weight
  /** What the operators around it compute in. */
  readonly activations: Activations
}

/**
 * What a session is written from: a document that may be changed, the weights that the plan
 * decides, and those that are copied as they are.
 */
export type SessionSource = {
  readonly name: string
  readonly document: OnnxDocument
  readonly planned: ReadonlyMap<string, SourceWeight>
  readonly kept: ReadonlyMap<string, Weight>
  /** A name like `base` that the model does not have yet; by default `base` itself. */
  readonly fresh?: (base: string) => string
}

const FIRST_OPSET_OF_IR_4 = 9

/**
 * A graph of ours: every weight is planned.
 *
 * @param opset - what the forms of its weights need, where that is newer than its own
 */
export function graphSource(graph: Graph, opset: number = graph.opset): SessionSource {
  return {
    name: graph.name,
    document: raiseDocument(lowerToOnnx(graph), opset),
    planned: new Map(
      [...graph.weights].map(([name, { layer, weight }]) => [
        name,
        { name, graph: null, layer, weight, activations: 'float32' },
      ]),
    ),
    kept: new Map(),
  }
}

/**
 * A document of somebody: only layers in `changed` are touched, everything else is written as it
 * was read. Readers of a changed weight are rewritten to take it in the common order.
 *
 * @param changed - layers that the plan does not leave as they are
 */
export function documentSource(
  { model: original, weights }: OnnxDocument,
  component: string,
  changed: ReadonlySet<string>,
): SessionSource {
  const model = clone(ModelProtoSchema, original)
  // Initializers that are no inputs, as the new ones are, came with IR 4.
  if (changed.size > 0) raiseIr(model, Math.max(FIRST_OPSET_OF_IR_4, opsetOf(model.opsetImport)))
  const lifted = liftOnnx({ format: 'onnx', model, weights }, component)
  const names = collectNames(model.graph === undefined ? [] : [model.graph])
  const fresh = (base: string): string => newName(base, names)
  const outputs = model.graph === undefined ? new Set<string>() : outputNames(model.graph)
  const planned = new Map<string, SourceWeight>()
  const kept = new Map(weights)
  for (const [key, source] of lifted.sources) {
    if (!changed.has(source.layer)) continue
    prepare(model, source, outputs, fresh)
    const { name, graph, layer, weight, path } = source
    const activations = source.dtype === 'float16' ? 'float16' : 'float32'
    planned.set(key, { name, graph, layer, weight, activations })
    if (path === '') kept.delete(name)
  }
  return {
    name: component,
    document: { format: 'onnx', model, weights: kept },
    planned,
    kept,
    fresh,
  }
}

/** Makes a weight an initializer that is no input, read in the common order. */
function prepare(
  model: ModelProto,
  { graph, name, shape, order, role }: LiftedWeight,
  outputs: ReadonlySet<string>,
  fresh: (base: string) => string,
): void {
  // Before IR 4 initializers are inputs as well; one that is replaced is none any more.
  if (graph === model.graph) graph.input = graph.input.filter((input) => input.name !== name)
  // What it says of shape and dtype holds no more.
  graph.valueInfo = graph.valueInfo.filter((info) => info.name !== name)
  bypassIdentities(graph, name, outputs)
  const isLinear = role === 'linear' || role === 'tied-embedding'
  reorderReaders({ graph, name, shape, order, isLinear, fresh })
  removeStored(graph, name)
}
