import type { ByteSink } from '../../base/bytes.ts'
import { BLOB_ALIGNMENT, BLOB_SENTINEL, BLOB_VERSION } from './blob-index.ts'
import type { Blob, BlobFile } from './blob-index.ts'
import { copiedBytes } from './copied-bytes.ts'
import { MIL_DTYPES } from './mil-dtype.ts'
import type { MilDtype } from './mil-dtype.ts'

/** Appends blobs to a weight file. */
export type BlobWriter = {
  /**
   * Writes an array whose packed bytes come in pieces; gives the place that values refer to.
   *
   * @param bytes - how many will come
   * @param paddingBits - bits of the last byte that are no values
   */
  readonly write: (
    header: { readonly dtype: MilDtype; readonly bytes: number; readonly paddingBits: number },
    pieces: AsyncIterable<Uint8Array>,
  ) => Promise<number>
  /** Copies a blob with everything that its header says but its place. */
  readonly copy: (file: BlobFile, blob: Blob) => Promise<number>
}

/**
 * Starts a weight file: the number of blobs stands at its beginning, so it must be known.
 *
 * @see https://github.com/apple/coremltools/blob/main/mlmodel/src/MILBlob/Blob/StorageFormat.hpp
 */
export async function startBlobFile(sink: ByteSink, count: number): Promise<BlobWriter> {
  const header = new DataView(new ArrayBuffer(BLOB_ALIGNMENT))
  header.setUint32(0, count, true)
  header.setUint32(4, BLOB_VERSION, true)
  await sink.write(new Uint8Array(header.buffer))
  let position = BLOB_ALIGNMENT
  let left = count
  const begin = async (): Promise<number> => {
    if (left === 0) throw new TypeError(`"${sink.name}" has more than its ${count} blobs`)
    left--
    const offset = Math.ceil(position / BLOB_ALIGNMENT) * BLOB_ALIGNMENT
    if (offset > position) await sink.write(new Uint8Array(offset - position))
    return offset
  }
  return {
    async write({ dtype, bytes, paddingBits }, pieces) {
      const offset = await begin()
      await sink.write(blobHeader(dtype, bytes, offset, paddingBits))
      let written = 0
      for await (const piece of pieces) {
        await sink.write(piece)
        written += piece.length
      }
      if (written !== bytes) throw new TypeError(`${written} bytes of ${bytes} came for a blob`)
      position = offset + BLOB_ALIGNMENT + bytes
      return offset
    },
    async copy({ source }, blob) {
      const offset = await begin()
      const own = new Uint8Array(await source.read(blob.offset, BLOB_ALIGNMENT))
      new DataView(own.buffer).setBigUint64(16, BigInt(offset + BLOB_ALIGNMENT), true)
      await sink.write(own)
      const read = (at: number, length: number): Promise<Uint8Array> =>
        source.read(blob.dataOffset + at, length)
      for await (const piece of copiedBytes(blob.bytes, read)) await sink.write(piece)
      position = offset + BLOB_ALIGNMENT + blob.bytes
      return offset
    },
  }
}

/** Bits of the last byte of an array that are no values. */
export function paddingOf(dtype: MilDtype, elements: number): number {
  const { bits } = MIL_DTYPES[dtype]
  return bits < 8 ? (8 - ((elements * bits) % 8)) % 8 : 0
}

function blobHeader(
  dtype: MilDtype,
  bytes: number,
  offset: number,
  paddingBits: number,
): Uint8Array {
  const { blob } = MIL_DTYPES[dtype]
  if (blob === null) throw new TypeError(`weight files hold no ${dtype}`)
  const header = new DataView(new ArrayBuffer(BLOB_ALIGNMENT))
  header.setUint32(0, BLOB_SENTINEL, true)
  header.setUint32(4, blob, true)
  header.setBigUint64(8, BigInt(bytes), true)
  header.setBigUint64(16, BigInt(offset + BLOB_ALIGNMENT), true)
  header.setBigUint64(24, BigInt(paddingBits), true)
  return new Uint8Array(header.buffer)
}
