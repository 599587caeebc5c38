import { MixbitError } from '../../base/error.ts'
import type { DType } from '../../tensor/dtype.ts'
import { bfloat16ToFloat, halfToFloat } from '../../kernels/convert.ts'

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
      return widen(bfloat16ToFloat, alignedCopy(bytes))
    case 'float16':
      return widen(halfToFloat, alignedCopy(bytes))
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

function widen(
  convert: (out: Float32Array, bits: Uint16Array) => void,
  stored: ArrayBuffer,
): Float32Array<ArrayBuffer> {
  const bits = new Uint16Array(stored)
  const values = new Float32Array(bits.length)
  convert(values, bits)
  return values
}
