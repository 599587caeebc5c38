import { scalarKernels } from '../../kernels/scalar.ts'
import type { PaletteBits } from '../../scheme/scheme.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { MIL_DTYPES } from './mil-dtype.ts'
import type { StoredArray } from './stored-array.ts'

/** Values `[first, first + count)` of a float array. */
export async function readFloats(
  array: StoredArray,
  first: number,
  count: number,
): Promise<Float32Array<ArrayBuffer>> {
  const size = MIL_DTYPES[array.dtype].bits / 8
  // A copy: what a source returns may be a view at any address, and may not be written to.
  const bytes = new Uint8Array(await array.read(first * size, count * size))
  if (array.dtype === 'float32') return new Float32Array(bytes.buffer)
  const values = new Float32Array(count)
  scalarKernels.halfToFloat(values, new Uint16Array(bytes.buffer))
  return values
}

/** All values of a float array. */
export function readAllFloats(array: StoredArray): Promise<Float32Array<ArrayBuffer>> {
  return readFloats(array, 0, elementsOf(array.shape))
}

/**
 * Values `[first, first + count)` of an array of packed integers of `bits` bits, unsigned, one a byte.
 * The dtype of the array says how it is typed, which for flat arrays of iOS 16 is bytes.
 */
export async function readPacked(
  array: StoredArray,
  bits: PaletteBits,
  first: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // Eight values take `bits` whole bytes, so a stream can be read from any multiple of eight on.
  const skipped = first % 8
  const start = ((first - skipped) / 8) * bits
  const end = Math.ceil(((first + count) * bits) / 8)
  const packed = await array.read(start, end - start)
  const values = new Uint8Array(skipped + count)
  scalarKernels.unpackBits(values, packed, bits)
  return skipped === 0 ? values : values.slice(skipped)
}

/** Values `[first, first + count)` of an array of 4- or 8-bit integers, as signed codes. */
export async function readCodes(
  array: StoredArray,
  first: number,
  count: number,
): Promise<Int8Array<ArrayBuffer>> {
  const { bits } = MIL_DTYPES[array.dtype]
  const values = await readPacked(array, bits === 4 ? 4 : 8, first, count)
  const codes = new Int8Array(values.buffer, values.byteOffset, values.length)
  const offset = codeOffset(array)
  // Two's complement of 4 bits: its sign lies at bit 28 of a word.
  if (bits === 4 && offset === 0) {
    for (let i = 0; i < codes.length; i++) codes[i] = ((values[i] ?? 0) << 28) >> 28
  } else if (offset !== 0) {
    for (let i = 0; i < codes.length; i++) codes[i] = (values[i] ?? 0) - offset
  }
  return codes
}

/** Stored value minus this is a signed code. */
export function codeOffset({ dtype }: StoredArray): 0 | 8 | 128 {
  if (dtype === 'uint8') return 128
  return dtype === 'uint4' ? 8 : 0
}
