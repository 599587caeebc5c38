import type { ByteSource } from '../../base/bytes.ts'
import { BITS, bytesOf, type DType } from '../../tensor/dtype.ts'
import { columnsOf, elementsOf, rowsOf, type Weight } from '../../tensor/weight.ts'
import { toFloat32 } from '../safetensors/float-values.ts'

/**
 * A weight whose stored bytes can always be read. `readRows` throws `unsupported-dtype` unless it
 * is stored as float32, float16 or bfloat16.
 */
export type StoredTensor = Weight & Required<Pick<Weight, 'readStoredRows'>>

/** What a tensor is; where its bytes are is another matter. */
export type TensorFacts = {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
}

/** Reads `length` stored bytes at `offset`, both counted from the tensor's own first byte. */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>

/** A tensor over bytes that lie in one piece, low bits first where values are below a byte. */
export function storedTensor(facts: TensorFacts, readBytes: ReadBytes): StoredTensor {
  const readStoredRows = (start: number, end: number): Promise<Uint8Array> => {
    if (!(start >= 0 && start <= end && end <= rowsOf(facts.shape))) {
      throw new RangeError(
        `Rows ${start} to ${end} of "${facts.name}", which has ${rowsOf(facts.shape)}`,
      )
    }
    return readBits(facts, start * columnsOf(facts.shape), end * columnsOf(facts.shape), readBytes)
  }
  return {
    ...facts,
    readStoredRows,
    readRows: async (start, end) => {
      // The dtype is judged before bytes are read.
      toFloat32(facts.name, facts.dtype, new Uint8Array(0))
      return toFloat32(facts.name, facts.dtype, await readStoredRows(start, end))
    },
  }
}

/** A tensor that is a region of a file. */
export function regionTensor(facts: TensorFacts, source: ByteSource, start: number): StoredTensor {
  return storedTensor(facts, (offset, length) => source.read(start + offset, length))
}

/** A tensor over its bytes in memory. */
export function memoryTensor(facts: TensorFacts, bytes: Uint8Array): StoredTensor {
  return storedTensor(facts, (offset, length) =>
    Promise.resolve(bytes.subarray(offset, offset + length)),
  )
}

/** Values `[first, last)`; a row of 4-bit values may start in the middle of a byte. */
async function readBits(
  facts: TensorFacts,
  first: number,
  last: number,
  readBytes: ReadBytes,
): Promise<Uint8Array> {
  const bits = BITS[facts.dtype]
  const offset = Math.floor((first * bits) / 8)
  const shift = (first * bits) % 8
  const bytes = await readBytes(offset, bytesOf(facts.dtype, last) - offset)
  return shift === 0
    ? maskTail(bytes, (last - first) * bits)
    : shiftDown(bytes, shift, (last - first) * bits)
}

/** Clears what a last byte holds beyond `bits`: values of the next row, or padding. */
function maskTail(bytes: Uint8Array, bits: number): Uint8Array {
  const used = bits % 8
  const last = bytes.at(-1)
  if (used === 0 || last === undefined) return bytes
  // Not slice(): a Node Buffer's is a view, and a source's bytes may not be written.
  const copy = new Uint8Array(bytes)
  copy[copy.length - 1] = last & ((1 << used) - 1)
  return copy
}

function shiftDown(bytes: Uint8Array, shift: number, bits: number): Uint8Array {
  const shifted = new Uint8Array(Math.ceil(bits / 8))
  for (const [i] of shifted.entries()) {
    const low = bytes[i] ?? 0
    const high = bytes[i + 1] ?? 0
    shifted[i] = ((high << 8) | low) >> shift
  }
  return maskTail(shifted, bits)
}

/** Bytes of a whole tensor. */
export function sizeOf(facts: TensorFacts): number {
  return bytesOf(facts.dtype, elementsOf(facts.shape))
}
