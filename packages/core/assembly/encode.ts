// Twins of blockExtremes (src/kernels/scales.ts) and encodeBlocks and decodeBlocks (src/kernels/encode.ts).
import { roundToHalf4 } from './convert'

/** 1.5 * 2^23: adding it leaves a float32 no room for a fraction, so the processor rounds. */
const ROUNDING_SHIFT: f32 = 12582912.0
const ROUNDING_SHIFT_BITS: i32 = 0x4b400000

/** NaN and infinity become 0. */
// @ts-ignore: decorator
@inline
function finiteOrZero(x: v128): v128 {
  return v128.and(x, f32x4.lt(f32x4.abs(x), f32x4.splat(<f32>Infinity)))
}

/** Writes (low, high) of each block: its smallest and largest finite value, and 0. */
export function blockExtremes(out: usize, x: usize, blockLength: i32, blocks: i32): void {
  const vectors = blockLength & ~7
  for (let block = 0; block < blocks; block++) {
    let low0 = f32x4.splat(0)
    let low1 = low0
    let high0 = low0
    let high1 = low0
    let i = 0
    for (; i < vectors; i += 8) {
      const a = finiteOrZero(v128.load(x))
      const b = finiteOrZero(v128.load(x, 16))
      low0 = f32x4.pmin(low0, a)
      low1 = f32x4.pmin(low1, b)
      high0 = f32x4.pmax(high0, a)
      high1 = f32x4.pmax(high1, b)
      x += 32
    }
    for (; i < blockLength; i++) {
      const a = finiteOrZero(v128.load32_zero(x))
      low0 = f32x4.pmin(low0, a)
      high0 = f32x4.pmax(high0, a)
      x += 4
    }
    low0 = f32x4.pmin(low0, low1)
    low0 = f32x4.pmin(low0, i8x16.shuffle(low0, low0, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
    low0 = f32x4.pmin(low0, i8x16.shuffle(low0, low0, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11))
    high0 = f32x4.pmax(high0, high1)
    high0 = f32x4.pmax(high0, i8x16.shuffle(high0, high0, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
    high0 = f32x4.pmax(high0, i8x16.shuffle(high0, high0, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11))
    store<f32>(out, f32x4.extract_lane(low0, 0))
    store<f32>(out, f32x4.extract_lane(high0, 0), 4)
    out += 8
  }
}

/** Four codes less their zero point, one in each 32-bit lane; 0 for NaN. */
// @ts-ignore: decorator
@inline
function codes4(x: v128, scale: v128, low: v128, high: v128): v128 {
  const quotient = f32x4.div(x, scale)
  const number = v128.and(quotient, f32x4.eq(quotient, quotient))
  // Limits are integers, so limiting before rounding changes nothing and keeps the sum exact.
  const limited = f32x4.pmax(f32x4.pmin(number, high), low)
  const shifted = f32x4.add(limited, f32x4.splat(ROUNDING_SHIFT))
  return i32x4.sub(shifted, i32x4.splat(ROUNDING_SHIFT_BITS))
}

/**
 * Writes one code a value. Each block writes up to 15 bytes past its end, which the next block
 * overwrites; the buffers have room for them. `zeroPoint` 0 means that all are 0.
 */
export function encodeBlocks(
  codes: usize,
  x: usize,
  scale: usize,
  zeroPoint: usize,
  blockLength: i32,
  blocks: i32,
  qmin: i32,
  qmax: i32,
): void {
  for (let block = 0; block < blocks; block++) {
    const step = v128.load32_splat(scale)
    const zero = zeroPoint == 0 ? 0 : <i32>load<i8>(zeroPoint + block)
    const low = f32x4.splat(<f32>(qmin - zero))
    const high = f32x4.splat(<f32>(qmax - zero))
    const zeros = i16x8.splat(<i16>zero)
    for (let i = 0; i < blockLength; i += 16) {
      const from = x + (<usize>i << 2)
      const a = codes4(v128.load(from), step, low, high)
      const b = codes4(v128.load(from, 16), step, low, high)
      const c = codes4(v128.load(from, 32), step, low, high)
      const d = codes4(v128.load(from, 48), step, low, high)
      const ab = i16x8.add(i16x8.narrow_i32x4_s(a, b), zeros)
      const cd = i16x8.add(i16x8.narrow_i32x4_s(c, d), zeros)
      v128.store(codes + i, i8x16.narrow_i16x8_s(ab, cd))
    }
    x += <usize>blockLength << 2
    codes += blockLength
    scale += 4
  }
}

/**
 * Writes one value a code, rounded to half precision if `isHalf`; then every scale must be a
 * half, so that the float32 product is exact. Each block writes up to 7 values past its end.
 */
export function decodeBlocks(
  out: usize,
  codes: usize,
  scale: usize,
  zeroPoint: usize,
  blockLength: i32,
  blocks: i32,
  isHalf: i32,
): void {
  for (let block = 0; block < blocks; block++) {
    const step = v128.load32_splat(scale)
    const zeros = i16x8.splat(zeroPoint == 0 ? 0 : <i16>load<i8>(zeroPoint + block))
    for (let i = 0; i < blockLength; i += 8) {
      const steps = i16x8.sub(v128.load8x8_s(codes + i), zeros)
      let low = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(steps)), step)
      let high = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(steps)), step)
      if (isHalf) {
        low = roundToHalf4(low)
        high = roundToHalf4(high)
      }
      v128.store(out + (<usize>i << 2), low)
      v128.store(out + (<usize>i << 2), high, 16)
    }
    out += <usize>blockLength << 2
    codes += blockLength
    scale += 4
  }
}
