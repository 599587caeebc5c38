import type { EncodedWeight } from '../formats/onnx/encodings.ts'
import type { Form, KeptForm } from '../formats/onnx/form-types.ts'
import type { TensorProto } from '../formats/onnx/generated/onnx_pb.ts'
import type { Placement } from '../formats/onnx/layout.ts'
import type { Weight } from '../tensor/weight.ts'
import type { DataSink } from './data-sink.ts'
import type { ChunkTarget, EncodeChunkInput, EncodedChunk } from './encode-chunk.ts'
import type { LayerTotals } from './layer-totals.ts'
import { EMPTY_TOTALS, addChunk } from './layer-totals.ts'

/** The decision for one weight of a session, ready to be stored. */
export type WeightJob = {
  readonly form: Form | KeptForm
  readonly target: ChunkTarget
  readonly histogramRange: EncodeChunkInput['histogramRange']
}

/** Where the codes, scales and zero points of a layer lie, so that another graph can share them. */
export type PlacedParts = readonly [Placement, Placement, Placement]

/** One weight on its way into the file. */
export type Item = {
  readonly layer: string
  readonly weight: Weight
  readonly job: WeightJob
  readonly parts: EncodedWeight
  readonly places: PlacedParts
  /** `false`: another file holds the external parts; only inline ones are filled in. */
  readonly isOwner: boolean
}

/** Writes one weight: codes as they come, scales and zero points after them. */
export type ItemWriter = {
  readonly add: (chunk: EncodedChunk, elements: number) => Promise<void>
  readonly finish: () => Promise<LayerTotals>
}

/** @param sink - the session's data file; null when every part is inline or elsewhere */
export function itemWriter(item: Item, sink: DataSink | null): ItemWriter {
  const [codesPlace, scalePlace, zeroPlace] = item.places
  const own = item.isOwner ? sink : null
  const codes = partWriter(item.parts.codes, codesPlace, own)
  const scale: Uint8Array[] = []
  const zeroPoint: Uint8Array[] = []
  let totals = EMPTY_TOTALS
  return {
    async add(chunk, elements) {
      await codes.write(chunk.codes)
      scale.push(chunk.scale)
      zeroPoint.push(chunk.zeroPoint)
      totals = addChunk(totals, chunk, elements)
    },
    async finish() {
      codes.finish()
      await writePart(item.parts.scale, scalePlace, own, scale)
      await writePart(item.parts.zeroPoint, zeroPlace, own, zeroPoint)
      return totals
    },
  }
}

async function writePart(
  tensor: TensorProto | null,
  placement: Placement,
  sink: DataSink | null,
  pieces: readonly Uint8Array[],
): Promise<void> {
  if (tensor === null) return
  const writer = partWriter(tensor, placement, sink)
  for (const piece of pieces) await writer.write(piece)
  writer.finish()
}

type PartWriter = {
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly finish: () => void
}

function partWriter(tensor: TensorProto, placement: Placement, sink: DataSink | null): PartWriter {
  if (placement.kind === 'inline') {
    const pieces: Uint8Array[] = []
    return {
      write: (bytes) => Promise.resolve(void pieces.push(bytes)),
      finish: () => {
        tensor.rawData = concatenated(pieces)
      },
    }
  }
  if (sink === null) return { write: () => Promise.resolve(), finish: () => undefined }
  let written = 0
  return {
    async write(bytes) {
      if (written === 0) await sink.padTo(placement.offset)
      written += bytes.length
      await sink.write(bytes)
    },
    finish: () => {
      if (written === placement.length) return
      throw new TypeError(
        `"${tensor.name}" took ${written} bytes where its plan says ${placement.length}`,
      )
    },
  }
}

function concatenated(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    bytes.set(piece, offset)
    offset += piece.length
  }
  return bytes
}
