import type { ActivationSpec, QuantParams } from '../src/calibrate/ranges/quant-params.ts'
import { codeRangeFor } from '../src/calibrate/ranges/quant-params.ts'
import type { RangeSummary } from '../src/calibrate/ranges/range-state.ts'
import { emptyRangeState, observe, summaryOf } from '../src/calibrate/ranges/range-state.ts'
import { scalarKernels } from '../src/kernels/scalar.ts'
import { seededIntegers } from './kernel-values.ts'

export const UINT8: ActivationSpec = { dtype: 'uint8', symmetric: false }
export const INT8: ActivationSpec = { dtype: 'int8', symmetric: false }
export const SYMMETRIC_INT8: ActivationSpec = { dtype: 'int8', symmetric: true }
export const SYMMETRIC_UINT8: ActivationSpec = { dtype: 'uint8', symmetric: true }

export const ALL_SPECS: readonly ActivationSpec[] = [
  UINT8,
  INT8,
  SYMMETRIC_INT8,
  SYMMETRIC_UINT8,
].flatMap((spec) => [spec, { ...spec, reduceRange: true }])

/** Normal values with mean 0 and deviation 1, the same on every run (Box and Muller). */
export function seededNormal(length: number, seed: number): Float32Array {
  const next = seededIntegers(seed)
  const uniform = (): number => (next() + 0.5) / 2 ** 32
  return Float32Array.from(
    { length },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  )
}

/** One summary of batches in a row. */
export function summaryOfBatches(
  ...batches: readonly (readonly number[] | Float32Array)[]
): RangeSummary {
  const state = emptyRangeState()
  for (const batch of batches) observe(state, Float32Array.from(batch), scalarKernels)
  return summaryOf(state)
}

/** Mean of (x - quantized x)^2 by quantizing every value. */
export function measuredError(x: Float32Array, params: QuantParams, spec: ActivationSpec): number {
  const { qmin, qmax } = codeRangeFor(spec)
  const { scale, zeroPoint } = params
  let sum = 0
  for (const value of x) {
    const code = Math.max(qmin, Math.min(qmax, Math.round(value / scale) + zeroPoint))
    sum += (value - (code - zeroPoint) * scale) ** 2
  }
  return sum / x.length
}
