import type { ByteSource } from '../../base/bytes.ts'
import { ensure } from '../../base/error.ts'
import type { TensorProto } from './generated/onnx_pb.ts'

/** Opens the files that an ONNX file keeps its weights in. */
export type ExternalFiles = {
  /**
   * Opens a file by its path from the ONNX file's folder: forward slashes, never outside the
   * folder as written. A symbolic link that leaves the folder is for the opener to refuse.
   */
  readonly openExternal: (relativePath: string) => Promise<ByteSource>
}

/** Where one tensor lies in an external file. */
export type ExternalRegion = {
  readonly path: string
  readonly offset: number
  /** Absent when the file says none: then dtype and shape decide. */
  readonly length?: number
}

/** Decimal digits of a byte count; 16 digits reach beyond 2^53. */
const BYTE_COUNT = /^\d{1,16}$/

/**
 * The external_data entries of a tensor. A checksum, which nothing writes, is not compared;
 * keys that the specification does not name are ignored.
 *
 * @see https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
 */
export function externalRegion(file: string, tensor: TensorProto): ExternalRegion {
  const entries = new Map<string, string>()
  for (const { key, value } of tensor.externalData) {
    ensure(
      !entries.has(key),
      'external-data',
      `Tensor "${tensor.name}" of "${file}" names its external ${key} twice.`,
      { file, tensor: tensor.name, key },
    )
    entries.set(key, value)
  }
  const length = byteCount(file, tensor.name, 'length', entries.get('length'))
  return {
    path: safePath(file, tensor.name, entries.get('location')),
    offset: byteCount(file, tensor.name, 'offset', entries.get('offset')) ?? 0,
    ...(length === undefined ? {} : { length }),
  }
}

function byteCount(
  file: string,
  tensor: string,
  key: string,
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined
  const count = BYTE_COUNT.test(text) ? Number(text) : Number.NaN
  ensure(
    Number.isSafeInteger(count),
    'external-data',
    `Tensor "${tensor}" of "${file}" has the external ${key} "${text.slice(0, 40)}"; ` +
      'a number of bytes is needed.',
    { file, tensor, key },
  )
  return count
}

/** The location, without empty and `.` segments; anything that may leave the folder is refused. */
function safePath(file: string, tensor: string, location: string | undefined): string {
  ensure(
    location !== undefined && location !== '',
    'external-data',
    `Tensor "${tensor}" of "${file}" is external but names no file.`,
    { file, tensor },
  )
  const segments = location.split('/').filter((segment) => segment !== '' && segment !== '.')
  const isInside =
    !/[\0\\]/.test(location) &&
    !/^(?:\/|[A-Za-z]:)/.test(location) &&
    segments.length > 0 &&
    !segments.includes('..')
  ensure(
    isInside,
    'path-outside',
    `Tensor "${tensor}" of "${file}" lies in "${location.slice(0, 200).replaceAll('\0', '\\0')}". ` +
      'Only relative paths below the folder of the ONNX file are opened.',
    { file, tensor },
  )
  return segments.join('/')
}

/** External files, each opened once. */
export class ExternalSources {
  readonly #files: ExternalFiles
  readonly #opened = new Map<string, Promise<ByteSource>>()

  constructor(files: ExternalFiles) {
    this.#files = files
  }

  open(path: string): Promise<ByteSource> {
    const opened = this.#opened.get(path)
    if (opened !== undefined) return opened
    const source = this.#files.openExternal(path)
    this.#opened.set(path, source)
    return source
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#opened.values())
    for (const result of opened) if (result.status === 'fulfilled') await result.value.close()
  }
}

/** Throws `external-data` unless the bytes lie inside the file. */
export function ensureInside(
  file: string,
  tensor: string,
  source: ByteSource,
  offset: number,
  length: number,
): void {
  ensure(
    length <= source.sizeInBytes - offset,
    'external-data',
    `Tensor "${tensor}" of "${file}" lies at bytes ${offset} to ${offset + length} of ` +
      `"${source.name}", which has ${source.sizeInBytes}. The two files do not belong together, ` +
      'or the second is cut.',
    { file, tensor, external: source.name, offset, length, size: source.sizeInBytes },
  )
}
