import { MixbitError, ensure } from '../../base/error.ts'
import type { DType } from '../../tensor/dtype.ts'

/** What the header of a .npy file says. */
export type NpyHeader = {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Where the values start, in bytes from the start of the file. */
  readonly offset: number
}

/** Enough for magic, version and the length of the header in every version. */
export const NPY_PREFIX_BYTES = 12

/** numpy itself refuses longer ones (`_MAX_HEADER_SIZE`). */
const MOST_HEADER_BYTES = 10_000

const MOST_AXES = 8

/** numpy's names of little-endian and one-byte types. */
const DTYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ['<f4', 'float32'],
  ['<f2', 'float16'],
  ['<f8', 'float64'],
  ['<i8', 'int64'],
  ['<i4', 'int32'],
  ['|i1', 'int8'],
  ['|u1', 'uint8'],
  ['|b1', 'bool'],
])

const HEADER =
  /^\{\s*'descr':\s*'([^']{1,16})',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*$/

/**
 * How many bytes of header a .npy file has, from its first bytes.
 *
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function npyHeaderBytes(
  file: string,
  prefix: Uint8Array,
): { readonly start: number; readonly length: number } {
  const isNpy = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59].every((byte, i) => prefix[i] === byte)
  if (!isNpy) throw malformed(file, 'does not start as a .npy file does')
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.length)
  const [start, length] =
    prefix[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)]
  ensure(
    prefix[6] !== undefined && prefix[6] >= 1 && prefix[6] <= 3,
    'unsupported-version',
    `"${file}" is a .npy file of version ${prefix[6]}; 1 to 3 are read.`,
    { file, version: prefix[6] ?? 0 },
  )
  ensure(
    length <= MOST_HEADER_BYTES,
    'limit-exceeded',
    `"${file}" says that its header has ${length} bytes; at most ${MOST_HEADER_BYTES} are read.`,
    { file, headerBytes: length, limit: MOST_HEADER_BYTES },
  )
  return { start, length }
}

/** Reads the header's text: a Python dictionary of element type, order and shape. */
export function parseNpyHeader(file: string, header: Uint8Array, offset: number): NpyHeader {
  const match = HEADER.exec(new TextDecoder('latin1').decode(header))
  if (match === null) throw malformed(file, 'has a header that is not of a plain array')
  const [, descr = '', order, sizes = ''] = match
  const dtype = DTYPES.get(descr)
  if (dtype === undefined) {
    throw new MixbitError(
      'unsupported-dtype',
      `"${file}" holds values of type "${descr}"; read are ${[...DTYPES.keys()].join(', ')}.`,
      { file, dtype: descr },
    )
  }
  if (order === 'True')
    throw malformed(file, 'is in column order; save it with numpy.ascontiguousarray')
  const shape = sizes
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map(Number)
  if (shape.length > MOST_AXES || !Number.isSafeInteger(shape.reduce((a, b) => a * b, 1))) {
    throw malformed(file, `has an impossible shape (${sizes.slice(0, 60)})`)
  }
  return { dtype, shape, offset }
}

function malformed(file: string, what: string): MixbitError {
  return new MixbitError('malformed', `"${file}" ${what}.`, { file })
}
