import { floatToHalf as halfOf, halfToFloatBits } from '../tensor/float16.ts'
import { requireFit } from './fit.ts'

/** Half-precision bits to float32: exact, and the payload of a NaN is kept. */
export function halfToFloat(out: Float32Array, bits: Uint16Array): void {
  requireFit(out.length === bits.length, `${bits.length} halves into ${out.length} floats`)
  const outBits = bitsOf(out)
  for (let i = 0; i < bits.length; i++) outBits[i] = halfToFloatBits(bits[i]!)
}

/** Bfloat16 bits to float32: the upper half of the word. Exact. */
export function bfloat16ToFloat(out: Float32Array, bits: Uint16Array): void {
  requireFit(out.length === bits.length, `${bits.length} bfloat16 into ${out.length} floats`)
  const outBits = bitsOf(out)
  for (let i = 0; i < bits.length; i++) outBits[i] = bits[i]! << 16
}

/** Float32 to half-precision bits: ties to even, infinity beyond the range, every NaN 0x7e00. */
export function floatToHalf(out: Uint16Array, x: Float32Array): void {
  requireFit(out.length === x.length, `${x.length} floats into ${out.length} halves`)
  for (let i = 0; i < x.length; i++) out[i] = halfOf(x[i]!)
}

/** The same memory as words: a number that is NaN may lose its payload on the way. */
function bitsOf(x: Float32Array): Uint32Array {
  return new Uint32Array(x.buffer, x.byteOffset, x.length)
}
