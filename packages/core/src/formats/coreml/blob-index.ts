import type { ByteSource } from '../../base/bytes.ts'
import type { MilDtype } from './mil-dtype.ts'

/** One array of a weight file. */
export type Blob = {
  /** Where its 64-byte header lies: what values refer to. */
  readonly offset: number
  readonly dtype: MilDtype
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
  /** By the offset that values refer to. */
  readonly blobs: ReadonlyMap<number, Blob>
}
