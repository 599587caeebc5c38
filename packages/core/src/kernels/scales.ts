import { MAX_HALF, roundToHalf, SMALLEST_HALF } from '../tensor/float16.ts'
import { roundHalfToEven } from '../tensor/rounding.ts'
import { requireBlocks, requireFit } from './fit.ts'
import type { AsymmetricSpec, BlockSpec, CodeRange, ScaleDType } from './kernels.ts'

/** Largest finite and smallest positive float32. IEEE 754-2008, binary32. */
const MAX_FLOAT = 3.4028234663852886e38
const SMALLEST_FLOAT = 1.401298464324817e-45

/** The finite values that a block covers, 0 always among them. */
export type Extremes = { low: number; high: number }

/**
 * The scale of each block that clips nothing, by the rule of `coveringScale`.
 *
 * NaN and infinity are left out; 0 means that the block is all zero, and only that.
 *
 * @param scale - out, float32, one a block, not yet rounded to its stored dtype
 */
export function symmetricScales(scale: Float32Array, x: Float32Array, spec: BlockSpec): void {
  requireBlocks(x, scale, undefined, spec.blockLength)
  const extremes = { low: 0, high: 0 }
  for (let block = 0; block < scale.length; block++) {
    blockExtremes(extremes, x, block * spec.blockLength, (block + 1) * spec.blockLength)
    scale[block] = coveringScale(extremes.low, extremes.high, spec)
  }
}

/**
 * Scale and zero point of each block so that [min(x, 0), max(x, 0)] is covered:
 * scale = (max - min) / (qmax - qmin) rounded to its stored dtype, then
 * zeroPoint = clamp(round(qmin - min / scale)) from the rounded scale. 0.0 is always exact.
 */
export function asymmetricScales(
  scale: Float32Array,
  zeroPoint: Int8Array,
  x: Float32Array,
  spec: AsymmetricSpec,
): void {
  requireBlocks(x, scale, zeroPoint, spec.blockLength)
  const extremes = { low: 0, high: 0 }
  for (let block = 0; block < scale.length; block++) {
    blockExtremes(extremes, x, block * spec.blockLength, (block + 1) * spec.blockLength)
    scale[block] = storedScale(spanScale(extremes.low, extremes.high, spec), spec.scaleDtype)
    zeroPoint[block] = zeroPointFor(extremes.low, extremes.high, scale[block]!, spec)
  }
}

/** Rounds each scale to its stored dtype, by the rule of `storedScale`; `out` may be `scale`. */
export function roundScales(out: Float32Array, scale: Float32Array, dtype: ScaleDType): void {
  requireFit(out.length === scale.length, `${scale.length} scales into ${out.length}`)
  for (let block = 0; block < scale.length; block++) {
    out[block] = storedScale(scale[block]!, dtype)
  }
}

/**
 * The scale that is stored for a computed one: 0 (an all-zero block) and NaN give 1; anything else
 * keeps its sign, its magnitude kept within [smallest positive, largest finite] of the dtype and
 * rounded, ties to even. So a scale never becomes 0 or infinity; beyond 65504 in float16 the block
 * is clipped instead.
 */
export function storedScale(scale: number, dtype: ScaleDType): number {
  if (scale === 0 || Number.isNaN(scale)) return 1
  const sign = Math.sign(scale)
  const magnitude = Math.abs(scale)
  if (dtype === 'float32') {
    return sign * Math.fround(Math.min(Math.max(magnitude, SMALLEST_FLOAT), MAX_FLOAT))
  }
  return sign * roundToHalf(Math.min(Math.max(magnitude, SMALLEST_HALF), MAX_HALF))
}

/**
 * The float32 scale of least magnitude with which no value in [low, high] is clipped: the positive
 * one, max(high / qmax, low / qmin), or the negative one, -max(-low / qmax, high / -qmin), which
 * mirrors the block. So the extra code of int4 in [-8, 7] goes to the side with the larger
 * values. Of equals the positive one; 0 only for 0, 0.
 */
export function coveringScale(
  low: number,
  high: number,
  range: CodeRange & { readonly signs?: 'positive' },
): number {
  const positive = positiveScale(low, high, range)
  if (range.signs === 'positive') return positive
  const mirrored = positiveScale(-high, -low, range)
  return positive <= mirrored ? positive : -mirrored
}

/** Smallest positive scale with low >= qmin * scale and high <= qmax * scale; 0 only for 0, 0. */
function positiveScale(low: number, high: number, range: CodeRange): number {
  const scale = Math.fround(Math.max(high / range.qmax, low / range.qmin))
  return scale === 0 && low < high ? SMALLEST_FLOAT : scale
}

/** (high - low) / (qmax - qmin) in float32; 0 only for an all-zero block. */
export function spanScale(low: number, high: number, range: CodeRange): number {
  const scale = Math.fround((high - low) / (range.qmax - range.qmin))
  return scale === 0 && low < high ? SMALLEST_FLOAT : scale
}

/** The code that means 0.0; 0 for an all-zero block. */
export function zeroPointFor(low: number, high: number, scale: number, range: CodeRange): number {
  if (low === high) return 0
  const exact = roundHalfToEven(range.qmin - low / scale)
  return Math.min(Math.max(exact, range.qmin), range.qmax)
}

/** Smallest and largest finite value of `x[start, end)`, and 0. */
export function blockExtremes(out: Extremes, x: Float32Array, start: number, end: number): void {
  let low = 0
  let high = 0
  for (let i = start; i < end; i++) {
    const value = x[i]!
    if (value > high && value < Infinity) high = value
    if (value < low && value > -Infinity) low = value
  }
  out.low = low
  out.high = high
}
