import type { FileRegion } from '../../base/bytes.ts'
import { ensure, MixbitError } from '../../base/error.ts'
import { elementsOf } from '../../tensor/weight.ts'
import type { BlobFile } from './blob-index.ts'
import type { BlobFileValue, Value } from './generated/coreml_pb.ts'
import { immediateBytes } from './immediate.ts'
import { packedBytes } from './mil-dtype.ts'
import type { MilDtype } from './mil-dtype.ts'
import { staticTensor } from './value-types.ts'

/** Where a blob lies: two values of one place share it. */
export type BlobPlace = { readonly file: string; readonly offset: number }

/** One array of a package, wherever it lies; its bytes are read when asked. */
export type StoredArray = {
  readonly dtype: MilDtype
  readonly shape: readonly number[]
  /** Packed. */
  readonly bytes: number
  /** `null` for an array that stands in the program itself. */
  readonly place: BlobPlace | null
  /** The packed bytes `[offset, offset + length)`. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>
  /** All packed bytes, where threads can read them for themselves. */
  readonly region?: FileRegion
}

/**
 * The array of a tensor value; `undefined` for a value that is none, or whose dtype Mixbit does not
 * know. Throws `malformed` where type and bytes do not go together.
 */
export function storedArray(
  value: Value | undefined,
  files: ReadonlyMap<string, BlobFile>,
  name: string,
): StoredArray | undefined {
  const type = staticTensor(value?.type)
  if (value === undefined || type === undefined) return undefined
  const { dtype, shape } = type
  const bytes = packedBytes(dtype, elementsOf(shape))
  if (value.value.case === 'blobFileValue') {
    return blobArray(value.value.value, files, name, { ...type, bytes })
  }
  const held = immediateBytes(value, dtype)
  if (held === undefined) return undefined
  ensure(
    held.length === bytes,
    'malformed',
    `"${name}" has ${held.length} bytes where ${dtype} [${shape.join(', ')}] takes ${bytes}. The program is damaged.`,
    { value: name, bytes: held.length, expected: bytes },
  )
  const read: StoredArray['read'] = (offset, length) =>
    Promise.resolve(held.subarray(offset, offset + length))
  return { dtype, shape, bytes, place: null, read }
}

/** The blob that a reference means. Throws `malformed` where there is none. */
function blobOf(
  reference: BlobFileValue,
  files: ReadonlyMap<string, BlobFile>,
  name: string,
): { readonly file: BlobFile; readonly offset: number } {
  const file = files.get(reference.fileName)
  const offset = Number(reference.offset)
  if (file?.blobs.has(offset) === true) return { file, offset }
  throw new MixbitError(
    'malformed',
    `"${name}" refers to byte ${offset} of "${reference.fileName.slice(0, 200)}", where no blob is.`,
    { file: reference.fileName.slice(0, 200), offset },
  )
}

function blobArray(
  reference: BlobFileValue,
  files: ReadonlyMap<string, BlobFile>,
  name: string,
  type: { readonly dtype: MilDtype; readonly shape: readonly number[]; readonly bytes: number },
): StoredArray {
  const { file, offset } = blobOf(reference, files, name)
  const blob = file.blobs.get(offset)
  const { dtype, shape, bytes } = type
  ensure(
    blob !== undefined && blob.dtype === dtype && blob.bytes === bytes,
    'malformed',
    `"${name}" is ${dtype} [${shape.join(', ')}], ${bytes} bytes, but the blob at byte ${offset} of ` +
      `"${file.path}" has ${blob?.bytes ?? 0} bytes of ${blob?.dtype ?? 'an unknown dtype'}.`,
    { value: name, file: file.path, offset },
  )
  const { source } = file
  const { descriptor } = source
  const region = { file: source.name, offset: blob.dataOffset, length: bytes }
  return {
    ...type,
    place: { file: file.name, offset },
    read: (from, length) => source.read(blob.dataOffset + from, length),
    ...(descriptor !== undefined && { region: { ...region, descriptor } }),
  }
}
