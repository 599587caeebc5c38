import { MixbitError } from '../../base/error.ts'
import type { DType } from '../../tensor/dtype.ts'
import { halfToFloatBits } from '../../tensor/float16.ts'

/** Converts stored little-endian values to float32; exact for every dtype that it takes. */
export function toFloat32(
  name: string,
  dtype: DType,
  bytes: Uint8Array,
): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case 'float32':
      return new Float32Array(alignedCopy(bytes))
    case 'bfloat16':
      return widen(alignedCopy(bytes), (bits) => bits << 16)
    case 'float16':
      return widen(alignedCopy(bytes), halfToFloatBits)
    default:
      throw new MixbitError(
        'unsupported-dtype',
        `Tensor "${name}" is stored as ${dtype}; weights are read from float32, float16 and bfloat16.`,
        { tensor: name, dtype },
      )
  }
}

/** A view of a file may start at any byte; typed arrays need their own alignment. */
function alignedCopy(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length)
  new Uint8Array(copy).set(bytes)
  return copy
}

/** @param toBits - the float32 bits of a value of 16 bits */
function widen(stored: ArrayBuffer, toBits: (bits: number) => number): Float32Array<ArrayBuffer> {
  const halves = new Uint16Array(stored)
  const bits = new Uint32Array(halves.length)
  for (let i = 0; i < halves.length; i++) bits[i] = toBits(halves[i] ?? 0)
  return new Float32Array(bits.buffer)
}
