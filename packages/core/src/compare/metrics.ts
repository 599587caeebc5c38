import { ensure } from '../base/error.ts'
import { elementsOf } from '../tensor/weight.ts'

/** One output of a model run, row-major. */
export type Output = {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/**
 * How far an output y moved from its reference x, over all samples together. A value is `null`
 * where its formula has none.
 */
export type OutputMetrics = {
  /** Mean of (x - y)^2; null without values. */
  readonly mse: number | null
  /** Largest |x - y|; null without values. */
  readonly maxAbsError: number | null
  /**
   * Signal-to-quantization-noise ratio, 10 * log10(sum x^2 / sum (x - y)^2); 6 dB is about one bit.
   * Null when nothing changed, and when x is all zero.
   */
  readonly sqnrDb: number | null
  /** Cosine of the angle between x and y, in [-1, 1]; null when either is all zero. */
  readonly cosine: number | null
  /**
   * Share of positions whose largest value along the last axis has the same index in x and y; of
   * equal values the first counts. A position without a number in x or y disagrees. Null when the
   * last axis has fewer than two values.
   */
  readonly top1Agreement: number | null
  /** Pairs of values that were compared. */
  readonly values: number
  /** Pairs with a NaN or infinity; they are left out of everything but `top1Agreement`. */
  readonly notFinite: number
}

/** Running sums in float64; made by `startMetrics`, changed by `addOutput`. */
export type MetricSums = {
  values: number
  notFinite: number
  /** Sum of x^2, of y^2, of x * y and of (x - y)^2. */
  xx: number
  yy: number
  xy: number
  noise: number
  maxAbsError: number
  positions: number
  agreeing: number
}

export function startMetrics(): MetricSums {
  return {
    values: 0,
    notFinite: 0,
    xx: 0,
    yy: 0,
    xy: 0,
    noise: 0,
    maxAbsError: 0,
    positions: 0,
    agreeing: 0,
  }
}

/**
 * Adds one sample.
 *
 * @param sums - out
 * @param x - the reference output
 * @param y - the quantized model's output, of the same shape
 */
export function addOutput(sums: MetricSums, x: Output, y: Output): void {
  ensure(
    x.shape.length === y.shape.length && x.shape.every((size, axis) => size === y.shape[axis]),
    'wrong-shape',
    `An output of shape [${y.shape.join(', ')}] cannot be compared with [${x.shape.join(', ')}]. ` +
      'Compare two versions of the same model.',
    { reference: x.shape, output: y.shape },
  )
  const elements = elementsOf(x.shape)
  if (x.values.length !== elements || y.values.length !== elements) {
    throw new TypeError(`Shape [${x.shape.join(', ')}] has ${elements} values`)
  }
  addValues(sums, x.values, y.values)
  addPositions(sums, x.values, y.values, x.shape.at(-1) ?? 1)
}

/** The metrics of everything added so far. */
export function metricsOf(sums: MetricSums): OutputMetrics {
  const { values, notFinite, xx, yy, xy, noise } = sums
  return {
    mse: values === 0 ? null : noise / values,
    maxAbsError: values === 0 ? null : sums.maxAbsError,
    sqnrDb: noise === 0 || xx === 0 ? null : 10 * Math.log10(xx / noise),
    cosine: xx === 0 || yy === 0 ? null : cosineOf(xx, yy, xy),
    top1Agreement: sums.positions === 0 ? null : sums.agreeing / sums.positions,
    values,
    notFinite,
  }
}

/** Rounding may carry the quotient past 1, which is no cosine. */
function cosineOf(xx: number, yy: number, xy: number): number {
  return Math.max(-1, Math.min(1, xy / (Math.sqrt(xx) * Math.sqrt(yy))))
}

function addValues(sums: MetricSums, xs: Float32Array, ys: Float32Array): void {
  for (let i = 0; i < xs.length; i++) {
    const x = xs[i] ?? Number.NaN
    const y = ys[i] ?? Number.NaN
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      sums.notFinite++
      continue
    }
    const error = x - y
    sums.values++
    sums.xx += x * x
    sums.yy += y * y
    sums.xy += x * y
    sums.noise += error * error
    sums.maxAbsError = Math.max(sums.maxAbsError, Math.abs(error))
  }
}

function addPositions(
  sums: MetricSums,
  xs: Float32Array,
  ys: Float32Array,
  lastAxis: number,
): void {
  if (lastAxis < 2) return
  for (let start = 0; start < xs.length; start += lastAxis) {
    const winner = indexOfLargest(xs, start, start + lastAxis)
    sums.positions++
    if (winner !== -1 && winner === indexOfLargest(ys, start, start + lastAxis)) sums.agreeing++
  }
}

/** The first index of the largest value in `[start, end)`; -1 when none is a number. */
function indexOfLargest(values: Float32Array, start: number, end: number): number {
  let winner = -1
  let largest = Number.NaN
  for (let i = start; i < end; i++) {
    const value = values[i] ?? Number.NaN
    // False for NaN on the right: the first number wins over no number.
    if (Number.isNaN(value) || value <= largest) continue
    largest = value
    winner = i
  }
  return winner
}
