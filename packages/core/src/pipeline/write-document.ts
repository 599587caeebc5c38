import { toBinary } from '@bufbuild/protobuf'

import { ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import type { ModelProto, TensorProto } from '../formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema } from '../formats/onnx/generated/onnx_pb.ts'
import type { DataFile, Placement } from '../formats/onnx/layout.ts'
import { place, setExternal } from '../formats/onnx/layout.ts'
import { valueChunks } from '../kernels/value-chunk.ts'
import { bytesOf } from '../tensor/dtype.ts'
import type { Weight } from '../tensor/weight.ts'
import { elementsOf } from '../tensor/weight.ts'
import type { DataSink, WrittenFile } from '../quantize/data-sink.ts'
import { openDataSink, writeWhole } from '../quantize/data-sink.ts'

export type WriteDocumentRequest = {
  /** Its model is filled in and pointed at external data: it is used up. */
  readonly document: OnnxDocument
  /** An existing folder, and the file name without `.onnx`. */
  readonly folder: string
  readonly name: string
  /** `all`: one file holds graph and weights. */
  readonly inline: 'small' | 'all'
}

/** Writes a document with its weights as they are stored; these are streamed. */
export async function writeDocument(
  host: Pick<Host, 'create' | 'sha256' | 'within'>,
  { document, folder, name, inline }: WriteDocumentRequest,
): Promise<readonly WrittenFile[]> {
  const { model } = document
  const dataFile: DataFile = { location: `${name}.onnx_data`, inline, size: 0 }
  const items = itemsOf(model, document.weights, dataFile)
  const data = await writeData(host, host.within(folder, dataFile.location), dataFile, items)
  const bytes = toBinary(ModelProtoSchema, model)
  ensure(
    bytes.length < 2 ** 31,
    'limit-exceeded',
    `The graph takes ${bytes.length} bytes; an ONNX file may have at most 2^31.`,
    { bytes: bytes.length },
  )
  const graph = await writeWhole(host, host.within(folder, `${name}.onnx`), bytes)
  return data === null ? [graph] : [graph, data]
}

type Item = { readonly tensor: TensorProto; readonly weight: Weight; readonly at: Placement }

function itemsOf(
  { graph }: ModelProto,
  weights: ReadonlyMap<string, Weight>,
  file: DataFile,
): readonly Item[] {
  return (graph?.initializer ?? []).flatMap((tensor): readonly Item[] => {
    const weight = weights.get(tensor.name)
    if (weight === undefined) return []
    const at = place(file, bytesOf(weight.dtype, elementsOf(weight.shape)))
    if (at.kind === 'external') setExternal(tensor, at)
    return [{ tensor, weight, at }]
  })
}

async function writeData(
  host: Pick<Host, 'create' | 'sha256'>,
  path: string,
  file: DataFile,
  items: readonly Item[],
): Promise<WrittenFile | null> {
  const sink = file.size > 0 ? await openDataSink(host, path) : null
  try {
    for (const item of items) await writeItem(item, sink)
  } catch (error) {
    await sink?.discard()
    throw error
  }
  return sink === null ? null : sink.finish()
}

async function writeItem({ tensor, weight, at }: Item, sink: DataSink | null): Promise<void> {
  if (at.kind === 'inline' || sink === null) {
    const bytes = new Uint8Array(bytesOf(weight.dtype, elementsOf(weight.shape)))
    let offset = 0
    for await (const { stored } of valueChunks(weight, 'split')) {
      if (stored === null) throw new TypeError(`"${weight.name}" has no stored bytes`)
      bytes.set(stored, offset)
      offset += stored.length
    }
    tensor.rawData = bytes
    return
  }
  await sink.padTo(at.offset)
  for await (const { stored } of valueChunks(weight, 'split')) {
    if (stored === null) throw new TypeError(`"${weight.name}" has no stored bytes`)
    await sink.write(stored)
  }
}
