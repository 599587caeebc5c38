import { requireFit } from './fit.ts'
import type { ErrorSums } from './kernels.ts'
import { sumOfFour } from './sum-of-four.ts'

/**
 * Sums of (x - y)^2 and x^2 and the largest |x - y|, in float64: four sums, of the pairs at places
 * that are equal modulo 4, which are then added.
 *
 * Pairs in which either is NaN or infinite are left out: they are counted by `scanValues` and
 * would make every sum useless.
 *
 * @param x - the float values
 * @param y - what they became, same length
 */
export function errorSums(x: Float32Array, y: Float32Array): ErrorSums {
  requireFit(x.length === y.length, `${x.length} and ${y.length} values`)
  const squaredError = new Float64Array(4)
  const squaredSignal = new Float64Array(4)
  let maxAbsError = 0
  for (let i = 0; i < x.length; i++) {
    const signal = x[i]!
    const error = Math.abs(signal - y[i]!)
    // Finite float32 values cannot overflow a double, so only such pairs fail this.
    if (!(error < Infinity)) continue
    squaredError[i & 3] = squaredError[i & 3]! + error * error
    squaredSignal[i & 3] = squaredSignal[i & 3]! + signal * signal
    if (error > maxAbsError) maxAbsError = error
  }
  return {
    squaredError: sumOfFour(squaredError),
    squaredSignal: sumOfFour(squaredSignal),
    maxAbsError,
  }
}

/** The sums of no values. */
export const NO_ERROR: ErrorSums = { squaredError: 0, squaredSignal: 0, maxAbsError: 0 }

/** The sums of two parts of one array. */
export function mergeErrors(a: ErrorSums, b: ErrorSums): ErrorSums {
  return {
    squaredError: a.squaredError + b.squaredError,
    squaredSignal: a.squaredSignal + b.squaredSignal,
    maxAbsError: Math.max(a.maxAbsError, b.maxAbsError),
  }
}
