import type { LiveBins } from './live-bins.ts'
import type { ActivationSpec, QuantParams } from './quant-params.ts'
import { codeRangeFor } from './quant-params.ts'

/** A bin narrower than this many steps is one point: the quotient below would lose its digits. */
const POINT = 1e-5

/**
 * The sum of squared errors that quantization makes on the values of a histogram, rounding and
 * clipping together, with the real scale and zero point.
 *
 * Exact for values spread evenly within each bin: with u = x / scale and n the nearest code, the
 * integral of (u - n)^2 from 0 is G(u) = n / 12 + (u - n)^3 / 3, also beyond the last code, where
 * n stays.
 */
export function expectedSquaredError(
  { low, high, count }: LiveBins,
  { scale, zeroPoint }: QuantParams,
  spec: ActivationSpec,
): number {
  const { qmin, qmax } = codeRangeFor(spec)
  const lowest = qmin - zeroPoint
  const highest = qmax - zeroPoint
  let sum = 0
  let edge = Number.NaN
  let integral = 0
  for (let i = 0; i < count.length; i++) {
    const from = low[i]! / scale
    const to = high[i]! / scale
    const length = to - from
    if (length < POINT) {
      const middle = (from + to) / 2
      const error = middle - Math.max(lowest, Math.min(highest, Math.round(middle)))
      sum += count[i]! * error * error
      continue
    }
    const before = from === edge ? integral : errorIntegral(from, lowest, highest)
    integral = errorIntegral(to, lowest, highest)
    edge = to
    sum += (count[i]! * (integral - before)) / length
  }
  return sum * scale * scale
}

/** The sum of x^2 over a histogram, values spread evenly within each bin. */
export function squaredSignal({ low, high, count }: LiveBins): number {
  let sum = 0
  for (let i = 0; i < count.length; i++) {
    const from = low[i]!
    const to = high[i]!
    sum += (count[i]! * (from * from + from * to + to * to)) / 3
  }
  return sum
}

/** The part of the values that lie beyond the first or last code by more than half a step. */
export function clippedFraction(
  { low, high, count }: LiveBins,
  { scale, zeroPoint }: QuantParams,
  spec: ActivationSpec,
): number {
  const { qmin, qmax } = codeRangeFor(spec)
  const first = (qmin - zeroPoint - 0.5) * scale
  const last = (qmax - zeroPoint + 0.5) * scale
  let outside = 0
  let total = 0
  for (let i = 0; i < count.length; i++) {
    const from = low[i]!
    const to = high[i]!
    const length = to - from
    const within = Math.min(to, last) - Math.max(from, first)
    const part = length > 0 ? Math.max(0, within) / length : within >= 0 ? 1 : 0
    outside += count[i]! * (1 - part)
    total += count[i]!
  }
  return total === 0 ? 0 : outside / total
}

function errorIntegral(u: number, lowest: number, highest: number): number {
  const code = Math.max(lowest, Math.min(highest, Math.round(u)))
  const error = u - code
  return code / 12 + (error * error * error) / 3
}
