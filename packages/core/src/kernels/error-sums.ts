import { requireFit } from './fit.ts'
import type { ErrorSums } from './kernels.ts'

/**
 * Sums of (x - y)^2 and x^2 and the largest |x - y|, in float64 and in the order of the arrays.
 *
 * Pairs in which either is NaN or infinite are left out: they are counted by `scanValues` and
 * would make every sum useless.
 *
 * @param x - the float values
 * @param y - what they became, same length
 */
export function errorSums(x: Float32Array, y: Float32Array): ErrorSums {
  requireFit(x.length === y.length, `${x.length} and ${y.length} values`)
  let squaredError = 0
  let squaredSignal = 0
  let maxAbsError = 0
  for (let i = 0; i < x.length; i++) {
    const signal = x[i]!
    const error = Math.abs(signal - y[i]!)
    // Finite float32 values cannot overflow a double, so only such pairs fail this.
    if (!(error < Infinity)) continue
    squaredError += error * error
    squaredSignal += signal * signal
    if (error > maxAbsError) maxAbsError = error
  }
  return { squaredError, squaredSignal, maxAbsError }
}

/** The sums of two parts of one array. */
export function mergeErrors(a: ErrorSums, b: ErrorSums): ErrorSums {
  return {
    squaredError: a.squaredError + b.squaredError,
    squaredSignal: a.squaredSignal + b.squaredSignal,
    maxAbsError: Math.max(a.maxAbsError, b.maxAbsError),
  }
}
