import { MixbitError } from './error.ts'

/** Random access to the bytes of one file, memory buffer or download. */
export type ByteSource = {
  /** For messages: a path or a label. */
  readonly name: string
  readonly sizeInBytes: number
  /**
   * Reads exactly `length` bytes at `offset`; throws `truncated` when the source ends before.
   * The result may be a view and must not be written to.
   */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>
  readonly close: () => Promise<void>
  /** The number of the open file, by which threads of this process can read it too. */
  readonly descriptor?: number
}

/** Bytes of an open file that a thread reads when it needs them. */
export type FileRegion = {
  /** For messages. */
  readonly file: string
  readonly descriptor: number
  readonly offset: number
  readonly length: number
}

/** A file that is being written from its start to its end. */
export type ByteSink = {
  readonly name: string
  /** Appends; the sink has taken the bytes when the promise resolves. */
  readonly write: (bytes: Uint8Array) => Promise<void>
  /** Finishes the file: only now does it have its name. */
  readonly close: () => Promise<void>
  /** Gives the file up; nothing of it stays. */
  readonly discard: () => Promise<void>
}

/** A byte source over bytes in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    sizeInBytes: bytes.length,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        return Promise.reject(
          new MixbitError(
            'truncated',
            `"${name}" ends at byte ${bytes.length}; ${length} bytes at ${offset} were asked for.`,
            { file: name, offset, length, size: bytes.length },
          ),
        )
      }
      return Promise.resolve(bytes.subarray(offset, offset + length))
    },
    close: () => Promise.resolve(),
  }
}
