import { floatToHalf, halfToFloat, MAX_HALF } from '../tensor/float16.ts'

/** The key of 0 and of -0; positive values lie above it. */
export const ZERO_KEY = 0x8000

/** Keys of finite halves lie between these two, which are those of the infinities. */
export const LOWEST_KEY = 0x0400
export const HIGHEST_KEY = 0xfc00

/** How many keys there are: one for each of 16 bits. */
export const KEYS = 65536

/** float32 has no power of two above this. */
const MAX_EXPONENT = 127

/**
 * A half as an integer that has the order of the values. Every NaN has the key 0xfe00.
 *
 * @param half - the bits of a half, as `floatToHalf` gives them
 */
export function halfKey(half: number): number {
  const magnitude = half & 0x7fff
  if (magnitude > 0x7c00) return ZERO_KEY + magnitude
  return half < 0x8000 ? ZERO_KEY + magnitude : ZERO_KEY - magnitude
}

/** The key of `x * factor`, the product rounded to float32 and then to half precision. */
export function keyOf(x: number, factor: number): number {
  return halfKey(floatToHalf(Math.fround(x * factor)))
}

/** The value of a finite key. */
export function keyValue(key: number): number {
  return key < ZERO_KEY ? -halfToFloat(ZERO_KEY - key) : halfToFloat(key - ZERO_KEY)
}

/**
 * log2 of the factor that brings values up to `largest` into the range of halves: values that are
 * halves are never made smaller, so they stay halves; others keep as many bits as halves have.
 */
export function keyExponent(largest: number): number {
  if (!(largest > 0)) return 0
  let exponent = 0
  while (largest * 2 ** exponent > MAX_HALF) exponent--
  while (exponent < MAX_EXPONENT && largest * 2 ** exponent <= MAX_HALF / 4) exponent++
  return exponent
}
