import { toBinary } from '@bufbuild/protobuf'

import type { Host } from '../base/host.ts'
import type { ObserveRequest } from '../calibrate/activations/observe-dataset.ts'
import type { Kept } from '../calibrate/ranges/range-state.ts'
import type { EditableDocument } from '../formats/onnx/qdq/editable.ts'
import { documentOf } from '../formats/onnx/qdq/editable.ts'
import { ModelProtoSchema } from '../formats/onnx/generated/onnx_pb.ts'
import type { ObservedValue } from '../formats/onnx/qdq/observed-ends.ts'
import { withEnds } from '../formats/onnx/qdq/observed-ends.ts'
import { withOutputs } from '../formats/onnx/qdq/observed-model.ts'
import { writeWhole } from '../quantize/data-sink.ts'
import { writeDocument } from './write-document.ts'

export type WriteObservedRequest = {
  readonly document: EditableDocument
  readonly values: readonly ObservedValue[]
  readonly keep: Kept
  /** An existing folder. */
  readonly folder: string
}

/** Writes the float model that calibration runs; for ends alone also one that tells only these. */
export async function writeObserved(
  host: Pick<Host, 'create' | 'sha256' | 'within'>,
  { document, values, keep, folder }: WriteObservedRequest,
): Promise<Pick<ObserveRequest, 'model' | 'values' | 'keep' | 'ends'>> {
  const options = { numerics: 'faithful' } as const
  const whole = withOutputs(
    documentOf(document),
    values.map(({ name }) => name),
  )
  const name = 'calibration'
  const [graph] = await writeDocument(host, { document: whole, folder, name, inline: 'small' })
  const model = { file: graph?.path ?? '', options }
  // The written model points at its weights, and so does a copy of it.
  const telling = keep === 'histogram' ? null : withEnds(whole, values)
  if (telling === null) return { model, values, keep }
  const { vector, ends } = telling
  const bytes = toBinary(ModelProtoSchema, telling.document.model)
  const { path } = await writeWhole(host, host.within(folder, `${name}-ends.onnx`), bytes)
  return { model, values, keep, ends: { model: { file: path, options }, vector, ends } }
}
