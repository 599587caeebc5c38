import { floatToHalf, halfToFloat, MAX_HALF } from '../tensor/float16.ts'
import { roundHalfToEven } from '../tensor/rounding.ts'
import { requireBlocks } from './fit.ts'
import type { BlockSpec } from './kernels.ts'

/** Values after which a candidate that is worse already is given up. */
const STRIDE = 64

/** Values, and how much the squared error of each counts; undefined where all count alike. */
export type WeighedValues = {
  readonly x: Float32Array
  readonly importance: Float32Array | undefined
}

/**
 * Asymmetric half-precision scales made better: of each scale, its two neighbours, and zero points up to
 * one away, what decodes a block with the least squared error; of equals what was there. A rounded scale may
 * clip the ends of a block or leave codes unused, most of all among subnormal scales.
 *
 * @param scale - in and out, float16 values > 0, one a block
 * @param zeroPoint - in and out
 */
export function improveHalfScales(
  scale: Float32Array,
  zeroPoint: Int8Array,
  { x, importance }: WeighedValues,
  spec: BlockSpec,
): void {
  requireBlocks(x, scale, zeroPoint, spec.blockLength)
  for (let block = 0; block < scale.length; block++) {
    const start = block * spec.blockLength
    const bits = floatToHalf(scale[block]!)
    const zero = zeroPoint[block]!
    let [bestScale, bestZero] = [scale[block]!, zero]
    const values = { x, importance }
    let least = blockError(values, start, bestScale, bestZero, spec, Number.POSITIVE_INFINITY)
    for (const near of [bits, bits - 1, bits + 1]) {
      const candidate = halfToFloat(near)
      if (!(candidate > 0 && candidate <= MAX_HALF)) continue
      for (const offset of [zero, zero - 1, zero + 1]) {
        if (offset < spec.qmin || offset > spec.qmax) continue
        const error = blockError(values, start, candidate, offset, spec, least)
        if (!(error < least)) continue
        least = error
        bestScale = candidate
        bestZero = offset
      }
    }
    scale[block] = bestScale
    zeroPoint[block] = bestZero
  }
}

/** Squared error of a block, NaN and infinity left out; not finished once it is above `least`. */
function blockError(
  { x, importance }: WeighedValues,
  start: number,
  scale: number,
  zero: number,
  { blockLength, qmin, qmax }: BlockSpec,
  least: number,
): number {
  const low = qmin - zero
  const high = qmax - zero
  let sum = 0
  for (let from = start; from < start + blockLength; from += STRIDE) {
    const end = Math.min(from + STRIDE, start + blockLength)
    for (let i = from; i < end; i++) {
      const value = x[i]!
      const step = Math.max(low, Math.min(high, roundHalfToEven(Math.fround(value / scale))))
      const error = value - step * scale
      if (error - error === 0)
        sum += error * error * (importance === undefined ? 1 : importance[i]!)
    }
    if (sum > least) return sum
  }
  return sum
}
