import type { ByteSource } from '../../base/bytes.ts'
import { ensure } from '../../base/error.ts'
import { dtypeOfBlob, MIL_DTYPES } from './mil-dtype.ts'
import type { MilDtype } from './mil-dtype.ts'

/** Headers lie at multiples of this, and are as long. */
export const BLOB_ALIGNMENT = 64

/** The first four bytes of a header, read as a little-endian number. */
export const BLOB_SENTINEL = 0xdeadbeef

/** The version of weight files that ML Programs use. */
export const BLOB_VERSION = 2

/** One array of a weight file. */
export type Blob = {
  /** Where its 64-byte header lies: what values refer to. */
  readonly offset: number
  /** `undefined` for a number that Mixbit does not know: such a blob is carried. */
  readonly dtype: MilDtype | undefined
  /** Where its packed values lie. */
  readonly dataOffset: number
  readonly bytes: number
  /** Bits at the end of the last byte that are no values. */
  readonly paddingBits: number
}

/** A weight file, indexed and not loaded. */
export type BlobFile = {
  /** The name that values call it: `@model_path/weights/weight.bin`. */
  readonly name: string
  /** Its path inside the package. */
  readonly path: string
  readonly source: ByteSource
  /** Those that values refer to, by the offset of their headers, in the order of the file. */
  readonly blobs: ReadonlyMap<number, Blob>
}

/** How many blobs a weight file says that it holds. Throws `malformed` or `unsupported-version`. */
export async function readBlobCount(source: ByteSource): Promise<number> {
  const header = view(await source.read(0, BLOB_ALIGNMENT))
  const version = header.getUint32(4, true)
  ensure(
    version === BLOB_VERSION,
    'unsupported-version',
    `"${source.name}" has version ${version}; weight files of ML Programs have ${BLOB_VERSION}. ` +
      'It is damaged or of another format.',
    { file: source.name, version },
  )
  return header.getUint32(0, true)
}

/**
 * Reads the headers at these offsets, in any order. Throws `malformed` for a wrong sentinel, for data
 * that lies outside the file or in another blob, and for padding that no packed array has.
 */
export async function indexBlobs(
  source: ByteSource,
  offsets: Iterable<number>,
): Promise<ReadonlyMap<number, Blob>> {
  const blobs: Blob[] = []
  for (const offset of [...new Set(offsets)].toSorted((a, b) => a - b)) {
    blobs.push(await readBlob(source, offset))
  }
  ensureApart(source.name, blobs)
  return new Map(blobs.map((blob) => [blob.offset, blob]))
}

/** Reads the header at `offset`. */
export async function readBlob(source: ByteSource, offset: number): Promise<Blob> {
  const facts = { file: source.name, offset }
  const damaged = (what: string): string =>
    `"${source.name}": the blob at byte ${offset} ${what}. The weight file is damaged, or belongs to another program.`
  const isPlace = Number.isSafeInteger(offset) && offset % BLOB_ALIGNMENT === 0 && offset > 0
  ensure(
    isPlace && offset + BLOB_ALIGNMENT <= source.sizeInBytes,
    'malformed',
    damaged(
      isPlace
        ? `lies behind the end of the file, which has ${source.sizeInBytes} bytes`
        : `is not at a multiple of ${BLOB_ALIGNMENT}`,
    ),
    facts,
  )
  const header = view(await source.read(offset, BLOB_ALIGNMENT))
  ensure(
    header.getUint32(0, true) === BLOB_SENTINEL,
    'malformed',
    damaged('has no header there'),
    facts,
  )
  const dtype = dtypeOfBlob(header.getUint32(4, true))
  const bytes = Number(header.getBigUint64(8, true))
  const dataOffset = Number(header.getBigUint64(16, true))
  // Writers older than iOS 18 left bytes of their memory there; only packed arrays have padding.
  const paddingBits = mayBePadded(dtype) ? Number(header.getBigUint64(24, true)) : 0
  ensure(
    dataOffset >= offset + BLOB_ALIGNMENT && dataOffset + bytes <= source.sizeInBytes,
    'malformed',
    damaged(`says that its ${bytes} bytes lie at ${dataOffset}, outside the file`),
    facts,
  )
  ensure(paddingBits < 8, 'malformed', damaged(`has ${paddingBits} bits of padding`), facts)
  return { offset, dtype, dataOffset, bytes, paddingBits }
}

function mayBePadded(dtype: MilDtype | undefined): boolean {
  return dtype !== undefined && MIL_DTYPES[dtype].bits < 8
}

/** @param blobs - in the order of their headers */
function ensureApart(file: string, blobs: readonly Blob[]): void {
  const spans = blobs
    .flatMap(({ offset, dataOffset, bytes }) => [
      { offset, start: offset, end: offset + BLOB_ALIGNMENT },
      { offset, start: dataOffset, end: dataOffset + bytes },
    ])
    .toSorted((a, b) => a.start - b.start || a.end - b.end)
  let last = { offset: 0, end: BLOB_ALIGNMENT }
  for (const span of spans) {
    ensure(
      span.start >= last.end || span.start === span.end,
      'malformed',
      `"${file}": the blobs at bytes ${last.offset} and ${span.offset} overlap. The weight file is damaged.`,
      { file, offsets: [last.offset, span.offset] },
    )
    if (span.end > last.end) last = span
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
