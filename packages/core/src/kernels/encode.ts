import { roundToHalf } from '../tensor/float16.ts'
import { roundHalfToEven } from '../tensor/rounding.ts'
import { requireBlocks, requireFit } from './fit.ts'
import type { BlockSpec, DecodeSpec } from './kernels.ts'

/**
 * Codes of each block: `q = clamp(round(x / scale) + zeroPoint, qmin, qmax)`, the division in
 * float32 and ties to even, as ONNX QuantizeLinear asks.
 *
 * NaN becomes the code of 0.0; infinity becomes the end of the range on its side. A negative scale
 * mirrors the block: with -1, 8 becomes the code -8.
 *
 * @param codes - out, int8, one a value
 * @param scale - float32, one a block, each finite and not 0
 * @param zeroPoint - int8 in [qmin, qmax], one a block; undefined means 0
 * @see https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html
 */
export function encodeBlocks(
  codes: Int8Array,
  x: Float32Array,
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  spec: BlockSpec,
): void {
  const { blockLength, qmin, qmax } = spec
  requireBlocks(x, scale, zeroPoint, blockLength)
  requireFit(codes.length === x.length, `${x.length} values, ${codes.length} codes`)
  for (let block = 0; block < scale.length; block++) {
    const blockScale = scale[block]!
    const zero = zeroPoint?.[block] ?? 0
    for (let i = block * blockLength; i < (block + 1) * blockLength; i++) {
      const quotient = Math.fround(x[i]! / blockScale)
      const limited = Math.max(qmin - zero, Math.min(qmax - zero, quotient))
      codes[i] = Number.isNaN(limited) ? zero : roundHalfToEven(limited) + zero
    }
  }
}

/**
 * Values of codes: the exact product `(q - zeroPoint) * scale`, rounded once to `dtype`. This is
 * the only truth about what a device computes.
 *
 * @param out - float32, one a code; holds half-precision values for 'float16'
 */
export function decodeBlocks(
  out: Float32Array,
  codes: Int8Array,
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  spec: DecodeSpec,
): void {
  requireBlocks(codes, scale, zeroPoint, spec.blockLength)
  requireFit(codes.length === out.length, `${codes.length} codes, ${out.length} values`)
  // 9 bits times 24 bits: the double product is exact, and storing it rounds it to float32.
  for (let block = 0; block < scale.length; block++) {
    const blockScale = scale[block]!
    const zero = zeroPoint?.[block] ?? 0
    const end = (block + 1) * spec.blockLength
    for (let i = end - spec.blockLength; i < end; i++) {
      const value = (codes[i]! - zero) * blockScale
      out[i] = spec.dtype === 'float16' ? roundToHalf(value) : value
    }
  }
}
