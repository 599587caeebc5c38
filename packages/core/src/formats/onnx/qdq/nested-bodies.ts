import { create } from '@bufbuild/protobuf'

import { bytesOf } from '../../../tensor/dtype.ts'
import { elementsOf } from '../../../tensor/weight.ts'
import { bodiesOf } from '../bodies.ts'
import { ModelProtoSchema } from '../generated/onnx_pb.ts'
import type { EditableDocument } from './editable.ts'
import { constantValues, useMicrosoft } from './editable.ts'

/** The graph inside a node, to be edited like a main graph. */
export type NestedBody = {
  readonly document: EditableDocument
  /** The names of the nodes and attributes that lead to it. */
  readonly path: string
  /** Constants of the graphs around it, by name. */
  readonly outer: ReadonlySet<string>
}

/** The bodies of If, Loop, Scan and their like, outer ones first; edits of them are edits of the model. */
export function nestedBodies({ model, unused }: EditableDocument): readonly NestedBody[] {
  const bodies = bodiesOf(model)
  return bodies.flatMap(({ graph, path }) => {
    if (path === '') return []
    const around = bodies.filter((each) => each.graph !== graph)
    const outer = new Set(around.flatMap((each) => each.graph.initializer.map(({ name }) => name)))
    const own = create(ModelProtoSchema, { graph })
    return [{ document: { model: own, graph, weights: new Map(), unused }, path, outer }]
  })
}

/** Puts what was computed for a body into its messages, where nested tensors have their values. */
export async function settleBody(
  { document: body }: NestedBody,
  document: EditableDocument,
): Promise<void> {
  for (const tensor of body.graph.initializer) {
    if (!body.weights.has(tensor.name)) continue
    const stored = constantValues(body, tensor.name)
    if (stored === undefined) throw new TypeError(`"${tensor.name}" has no stored values`)
    const bytes = await stored.readStoredRows(0, stored.shape[0] ?? 1)
    if (bytes.length !== bytesOf(stored.dtype, elementsOf(stored.shape))) {
      throw new TypeError(`"${tensor.name}" was not read whole`)
    }
    tensor.rawData = bytes.slice()
  }
  if (body.model.opsetImport.length > 0) useMicrosoft(document)
}
