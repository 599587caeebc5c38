import { clone } from '@bufbuild/protobuf'

import { lowerToOnnx } from '../convert/lower-onnx.ts'
import type { LiftedOnnx } from '../convert/lift-onnx.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import type { Activations } from '../formats/onnx/encodings.ts'
import { ModelProtoSchema } from '../formats/onnx/generated/onnx_pb.ts'
import { reorderReaders } from '../formats/onnx/weight-layout.ts'
import type { Graph } from '../graph/graph.ts'
import type { Weight } from '../tensor/weight.ts'

/** A weight that a plan decides, under its initializer's name. */
export type SourceWeight = {
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
}

/** A graph of ours: every weight is planned. */
export function graphSource(graph: Graph): SessionSource {
  return {
    name: graph.name,
    document: lowerToOnnx(graph),
    planned: new Map(
      [...graph.weights].map(([name, { layer, weight }]) => [
        name,
        { layer, weight, activations: 'float32' },
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
  document: OnnxDocument,
  { graph, layouts }: LiftedOnnx,
  changed: ReadonlySet<string>,
): SessionSource {
  const model = clone(ModelProtoSchema, document.model)
  const planned = new Map<string, SourceWeight>()
  const kept = new Map(document.weights)
  for (const [name, { layer, weight }] of graph.weights) {
    if (!changed.has(layer)) continue
    const dims = model.graph?.initializer.find((tensor) => tensor.name === name)?.dims ?? []
    const layout = layouts.get(name) ?? 'as-stored'
    if (model.graph !== undefined) {
      // Before IR 4 initializers are inputs as well; one that is replaced is none any more.
      model.graph.input = model.graph.input.filter((input) => input.name !== name)
      reorderReaders(model.graph, name, dims.map(Number), layout)
    }
    const activations = weight.dtype === 'float16' ? 'float16' : 'float32'
    planned.set(name, { layer, weight, activations })
    kept.delete(name)
  }
  return {
    name: graph.name,
    document: { format: 'onnx', model, weights: kept },
    planned,
    kept,
  }
}
