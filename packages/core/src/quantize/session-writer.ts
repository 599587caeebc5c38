import { toBinary } from '@bufbuild/protobuf'

import type { Host } from '../base/host.ts'
import type { TableLookup } from '../formats/onnx/encode-site.ts'
import type { EncodedWeight } from '../formats/onnx/encodings.ts'
import { encodeWeight } from '../formats/onnx/encodings.ts'
import type { Form, KeptForm } from '../formats/onnx/form-types.ts'
import type { TensorProto } from '../formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema } from '../formats/onnx/generated/onnx_pb.ts'
import type { DataFile, Placement } from '../formats/onnx/layout.ts'
import { place, setExternal } from '../formats/onnx/layout.ts'
import { valueChunks } from '../kernels/value-chunk.ts'
import { bytesOf } from '../tensor/dtype.ts'
import { elementsOf, rowsOf } from '../tensor/weight.ts'
import type { EncodeChunkInput, EncodedChunk } from './encode-chunk.ts'
import type { WrittenFile } from './data-sink.ts'
import { openDataSink, writeWhole } from './data-sink.ts'
import type { Item, ItemWriter, PlacedParts, WeightJob } from './item-writer.ts'
import { itemWriter } from './item-writer.ts'
import type { LayerTotals } from './layer-totals.ts'
import type { SessionSource } from './session-source.ts'

export type SessionRequest = {
  readonly source: SessionSource
  /** Folder of the graph and its data, and the file name without `.onnx`. */
  readonly folder: string
  readonly name: string
  /** What is being done, for progress. */
  readonly stage: string
  readonly jobFor: (layer: string) => WeightJob
  /** Layers that another session's data file already holds. */
  readonly shared: ReadonlyMap<string, PlacedParts>
  readonly lookup: TableLookup
  /** `all`: one file holds graph and weights. */
  readonly inline: 'small' | 'all'
}

export type SessionResult = {
  readonly files: readonly WrittenFile[]
  readonly placed: ReadonlyMap<string, PlacedParts>
  readonly totals: ReadonlyMap<string, LayerTotals>
}

/**
 * Writes one session: the graph with every weight in its planned form, and one external data file.
 * Weights stream through the pool chunk by chunk; memory does not grow with the model.
 */
export async function writeSession(
  host: Pick<Host, 'create' | 'pool' | 'sha256' | 'within' | 'emit'>,
  request: SessionRequest,
): Promise<SessionResult> {
  const { document, planned, fresh } = request.source
  const { model } = document
  const dataFile: DataFile = {
    location: `${request.name}.onnx_data`,
    inline: request.inline,
    size: 0,
  }
  const items: Item[] = []
  for (const { name, graph, layer, weight, activations } of planned.values()) {
    const job = request.jobFor(layer)
    const parts = encodeWeight(model, name, weight.shape, plannedForm(job), {
      lookup: request.lookup,
      activations,
      ...(fresh === undefined ? {} : { fresh }),
      ...(graph === null ? {} : { graph }),
    })
    const elsewhere = request.shared.get(layer)
    const isNested = graph !== null && graph !== model.graph
    const places = elsewhere ?? placeParts(isNested ? INSIDE : dataFile, job.form)
    pointAt(parts, places)
    items.push({ layer, weight, job, parts, places, isOwner: elsewhere === undefined })
  }
  const kept = keptItems(request, dataFile)
  items.push(...kept)
  const own = items.filter(needsBytes)
  const { totals, file } = await streamData(host, request, dataFile, own)
  const bytes = toBinary(ModelProtoSchema, model)
  const path = host.within(request.folder, `${request.name}.onnx`)
  const graphFile = await writeWhole(host, path, bytes)
  return {
    files: file === null ? [graphFile] : [graphFile, file],
    placed: new Map([
      ...items.map((item) => [item.layer, item.places] as const),
      ...kept.map((item) => [keptLayer(request.source, item.layer), item.places] as const),
    ]),
    totals,
  }
}

/** Graphs inside a node hold their own tensors. */
const INSIDE: DataFile = { location: '', inline: 'all', size: 0 }

/** A shared layer has its bytes in the other file, except small parts, which every graph holds. */
function needsBytes(item: Item): boolean {
  if (item.isOwner) return true
  const tensors = tensorsOf(item.parts)
  return item.places.some((placement, at) => placement.kind === 'inline' && tensors[at] !== null)
}

function plannedForm({ form }: WeightJob): Form {
  if (form.kind === 'kept') throw new TypeError('A planned weight has a form of its own')
  return form
}

/** Tensors that are copied: in the order of the document, after what the plan decides. */
function keptItems({ source, shared }: SessionRequest, file: DataFile): readonly Item[] {
  const { document, kept } = source
  const tensors = document.model.graph?.initializer ?? []
  return tensors.flatMap((tensor): readonly Item[] => {
    const weight = kept.get(tensor.name)
    if (weight === undefined) return []
    const { dtype, shape } = weight
    const bytes = bytesOf(dtype, elementsOf(shape))
    const form: KeptForm = { kind: 'kept', codes: { dtype, dims: shape, bytes } }
    const parts = { codes: tensor, scale: null, zeroPoint: null }
    const elsewhere = shared.get(keptLayer(source, tensor.name))
    const places = elsewhere ?? placeParts(file, form)
    pointAt(parts, places)
    const job = { form, target: { kind: 'kept' }, histogramRange: null } as const
    return [{ layer: tensor.name, weight, job, parts, places, isOwner: elsewhere === undefined }]
  })
}

/** The layer that a tensor of the main graph is in plans, where it is a float. */
function keptLayer({ name }: SessionSource, tensor: string): string {
  return `${name}.${tensor}`
}

function placeParts(file: DataFile, form: Form | KeptForm): PlacedParts {
  const nothing: Placement = { kind: 'inline' }
  const codes = place(file, form.codes.bytes)
  if (form.kind !== 'affine') return [codes, nothing, nothing]
  const scale = place(file, form.scale.bytes)
  return [codes, scale, form.zeroPoint === null ? nothing : place(file, form.zeroPoint.bytes)]
}

function tensorsOf(parts: EncodedWeight): readonly (TensorProto | null)[] {
  return [parts.codes, parts.scale, parts.zeroPoint]
}

function pointAt(parts: EncodedWeight, places: PlacedParts): void {
  for (const [index, tensor] of tensorsOf(parts).entries()) {
    const placement = places[index]
    if (tensor !== null && placement?.kind === 'external') setExternal(tensor, placement)
  }
}

type Streamed = {
  readonly totals: ReadonlyMap<string, LayerTotals>
  readonly file: WrittenFile | null
}

/** Which item a chunk belongs to, and whether it is the item's last. */
type Ticket = { readonly item: Item; readonly elements: number; readonly isLast: boolean }

async function streamData(
  host: Pick<Host, 'create' | 'pool' | 'sha256' | 'within' | 'emit'>,
  request: SessionRequest,
  dataFile: DataFile,
  items: readonly Item[],
): Promise<Streamed> {
  const totals = new Map<string, LayerTotals>()
  const path = host.within(request.folder, dataFile.location)
  const sink = dataFile.size > 0 ? await openDataSink(host, path) : null
  try {
    const tickets: Ticket[] = []
    const inputs = chunkInputs(items, tickets)
    let writer: ItemWriter | null = null
    for await (const chunk of host.pool.map<EncodeChunkInput, EncodedChunk>(
      'encode-chunk',
      inputs,
    )) {
      const ticket = tickets.shift()
      if (ticket === undefined) throw new TypeError('The pool returned more results than inputs')
      writer ??= itemWriter(ticket.item, sink)
      await writer.add(chunk, ticket.elements)
      if (!ticket.isLast) continue
      totals.set(ticket.item.layer, await writer.finish())
      writer = null
      host.emit({
        kind: 'progress',
        stage: request.stage,
        done: totals.size,
        total: items.length,
        unit: `weights of ${request.name}`,
      })
    }
  } catch (error) {
    await sink?.discard()
    throw error
  }
  return { totals, file: sink === null ? null : await sink.finish() }
}

async function* chunkInputs(
  items: readonly Item[],
  tickets: Ticket[],
): AsyncGenerator<EncodeChunkInput> {
  for (const item of items) {
    const { target, histogramRange } = item.job
    const isWhole = target.kind === 'affine' && target.scheme.granularity.kind === 'per-tensor'
    let rows = 0
    for await (const chunk of valueChunks(item.weight, isWhole ? 'whole' : 'split')) {
      rows += chunk.rows
      const isLast = rows >= rowsOf(item.weight.shape)
      tickets.push({ item, elements: chunk.rows * chunk.columns, isLast })
      yield { chunk, target, histogramRange }
    }
  }
}
