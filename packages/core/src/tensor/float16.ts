import { roundHalfToEven } from './rounding.ts'

/** Largest finite half-precision value. IEEE 754-2008, binary16. */
export const MAX_HALF = 65504

/** Smallest positive half-precision value, 2^-24 (subnormal). */
export const SMALLEST_HALF: number = 2 ** -24

const HALF = { fractionBits: 10, minExponent: -14, max: MAX_HALF } as const
const BFLOAT16 = { fractionBits: 7, minExponent: -126, max: 2 ** 128 - 2 ** 120 } as const

type FloatFormat = {
  readonly fractionBits: number
  /** Exponent of the smallest normal value. */
  readonly minExponent: number
  /** Largest finite value. */
  readonly max: number
}

/** One value seen as bits; big-endian, so that the sign and exponent come first. */
const scratch = new DataView(new ArrayBuffer(8))

/** The number that 16 half-precision bits stand for; every half is exact in float32. */
export function halfToFloat(bits: number): number {
  scratch.setUint32(0, halfToFloatBits(bits))
  return scratch.getFloat32(0)
}

/** The float32 bits of a half, as an unsigned integer; the payload of a NaN is kept. */
export function halfToFloatBits(bits: number): number {
  const sign = (bits & 0x8000) << 16
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 31) return (sign | 0x7f800000 | (fraction << 13)) >>> 0
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0
  if (fraction === 0) return sign >>> 0
  // Subnormal: shift the first one of the fraction up to the place of the hidden bit.
  const shift = Math.clz32(fraction) - 21
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0
}

/**
 * The half-precision bits nearest to `x`, ties to even.
 *
 * Beyond the range: infinity. Every NaN becomes 0x7e00. `x` may be any double and is rounded once.
 */
export function floatToHalf(x: number): number {
  const rounded = roundToHalf(x)
  if (Number.isNaN(rounded)) return 0x7e00
  scratch.setFloat32(0, rounded)
  const bits = scratch.getUint32(0)
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 112
  if (Math.abs(rounded) === Infinity) return sign | 0x7c00
  if (exponent <= 0) return sign | (Math.abs(rounded) / SMALLEST_HALF)
  return sign | (exponent << 10) | ((bits >>> 13) & 0x3ff)
}

/** The number that 16 bfloat16 bits stand for: the upper half of a float32. */
export function bfloat16ToFloat(bits: number): number {
  scratch.setUint32(0, bits << 16)
  return scratch.getFloat32(0)
}

/** The bfloat16 bits nearest to `x`, ties to even; beyond the range infinity, NaN 0x7fc0. */
export function floatToBfloat16(x: number): number {
  const rounded = roundToFormat(x, BFLOAT16)
  if (Number.isNaN(rounded)) return 0x7fc0
  scratch.setFloat32(0, rounded)
  return scratch.getUint16(0)
}

/** The half-precision value nearest to `x` (any double), ties to even; infinity beyond 65504. */
export function roundToHalf(x: number): number {
  return roundToFormat(x, HALF)
}

/**
 * Rounds once, to a multiple of the format's step at the size of `x`. Dividing and multiplying
 * by that step is exact, because it is a power of two.
 */
function roundToFormat(x: number, format: FloatFormat): number {
  if (!Number.isFinite(x)) return x
  scratch.setFloat64(0, x)
  const high = scratch.getUint16(0)
  const exponent = Math.max(((high >>> 4) & 0x7ff) - 1023, format.minExponent)
  const step = powerOfTwo(exponent - format.fractionBits)
  const magnitude = roundHalfToEven(Math.abs(x) / step) * step
  const limited = magnitude > format.max ? Infinity : magnitude
  return high >= 0x8000 ? -limited : limited
}

/** 2^exponent for a normal double; `**` need not be exact on every engine. */
function powerOfTwo(exponent: number): number {
  scratch.setUint32(0, (exponent + 1023) << 20)
  scratch.setUint32(4, 0)
  return scratch.getFloat64(0)
}
