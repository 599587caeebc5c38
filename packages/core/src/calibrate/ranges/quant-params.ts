import { ensure } from '../../base/error.ts'
import type { CodeRange } from '../../kernels/kernels.ts'
import { roundHalfToEven } from '../../tensor/rounding.ts'
import type { ValueRange } from './value-range.ts'

/** What an activation becomes: real = scale * (code - zeroPoint). */
export type ActivationSpec = {
  readonly dtype: 'uint8' | 'int8'
  /** Zero point in the middle of the codes: 128 for uint8, 0 for int8. */
  readonly symmetric: boolean
  /** One bit less, for processors whose 8-bit products overflow 16 bits. */
  readonly reduceRange?: boolean
}

export type QuantParams = {
  /** A positive normal float32. */
  readonly scale: number
  readonly zeroPoint: number
}

/** The smallest normal float32, 2^-126; a smaller scale becomes 1. */
const SMALLEST_SCALE = 2 ** -126

/**
 * The codes that a spec uses. Symmetric int8 leaves out -128, so that both sides reach equally far.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/python/tools/quantization/quant_utils.py,
 *   get_qmin_qmax_for_qType: these are its ranges
 */
export function codeRangeFor({ dtype, symmetric, reduceRange }: ActivationSpec): CodeRange {
  if (dtype === 'uint8') return { qmin: 0, qmax: reduceRange === true ? 127 : 255 }
  if (reduceRange === true) return { qmin: -64, qmax: 64 }
  return { qmin: symmetric ? -127 : -128, qmax: 127 }
}

/**
 * Scale and zero point of ONNX QuantizeLinear for a range, widened to hold 0: computed in float64,
 * rounded to float32, and the zero point from the rounded scale, half to even. Symmetric, the
 * larger side decides for both.
 *
 * A range too small for a normal scale counts as [0, 0]: scale 1, and the zero point that a range
 * without negative values has.
 *
 * @throws `not-finite` when the ends are not finite or their scale is no float32
 */
export function quantParamsFor(range: ValueRange, spec: ActivationSpec): QuantParams {
  const { min, max } = range
  ensure(
    Number.isFinite(min) && Number.isFinite(max),
    'not-finite',
    `A range must have finite ends; this one is [${min}, ${max}]. Calibrate again with samples on which the float model does not overflow.`,
    { min: String(min), max: String(max) },
  )
  const { qmin, qmax } = codeRangeFor(spec)
  const low = Math.min(0, min)
  const high = Math.max(0, max)
  const extent = spec.symmetric ? 2 * Math.max(-low, high) : high - low
  const step = extent / (qmax - qmin)
  const middle = roundHalfToEven((qmin + qmax) / 2)
  if (step < SMALLEST_SCALE) return { scale: 1, zeroPoint: spec.symmetric ? middle : qmin }
  const scale = Math.fround(step)
  ensure(
    scale < Infinity,
    'not-finite',
    `The range [${min}, ${max}] is wider than float32 can scale. Calibrate again with samples on which the float model does not overflow.`,
    { min, max },
  )
  if (spec.symmetric) return { scale, zeroPoint: middle }
  const zeroPoint = roundHalfToEven(qmin - low / scale)
  return { scale, zeroPoint: Math.max(qmin, Math.min(qmax, zeroPoint)) }
}
