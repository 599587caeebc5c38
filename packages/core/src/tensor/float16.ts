/** Largest finite half-precision value. IEEE 754-2008, binary16. */
export const MAX_HALF = 65504

/** Smallest positive half-precision value, 2^-24 (subnormal). */
export const SMALLEST_HALF: number = 2 ** -24

/**
 * 1.5 * 2^52 times the step between halves in [2^(k - 14), 2^(k - 13)): adding it leaves a double
 * no room below that step, so the processor rounds. Subnormal halves have the step of k = 0.
 */
const HALF_SHIFTS: readonly number[] = Array.from(
  { length: 31 },
  (_, k) => 1.5 * 2 ** 52 * SMALLEST_HALF * (1 << k),
)

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

/** The bfloat16 bits nearest to a float32 `x`, ties to even; beyond the range infinity, NaN 0x7fc0. */
export function floatToBfloat16(x: number): number {
  if (Number.isNaN(x)) return 0x7fc0
  scratch.setFloat32(0, x)
  const bits = scratch.getUint32(0)
  // Just under half a step, or half a step when the result would be odd; a carry is right too.
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}

/** The half-precision value nearest to `x` (any double), ties to even; infinity from 65520 on. */
export function roundToHalf(x: number): number {
  const magnitude = Math.abs(x)
  if (!(magnitude < 65520)) return x * Infinity
  const shift = HALF_SHIFTS[31 - Math.clz32((magnitude * 2 ** 14) | 1)] ?? 0
  // The sign apart, so that -0 and what rounds to it keep theirs.
  return Math.sign(x) * (magnitude + shift - shift)
}
