import { HALF_BINS } from '../../kernels/histogram.ts'
import type { RangeHistogram } from '../../kernels/kernels.ts'
import { requireBinned } from './live-bins.ts'
import type { ActivationSpec } from './quant-params.ts'
import { codeRangeFor } from './quant-params.ts'
import type { RangeSummary } from './range-state.ts'
import type { ValueRange } from './value-range.ts'
import { withZero } from './value-range.ts'

/** Each threshold tried is about this much smaller than the one before. */
const STEP = 0.995

/** Running sums over the bins of a distribution: entry i is over the bins before i. */
type Distribution = {
  /** Bins below zero; 0 when magnitudes are looked at. */
  readonly below: number
  readonly counts: Float64Array
  readonly values: Float64Array
  readonly filled: Float64Array
  /** Of count * ln(count). */
  readonly logs: Float64Array
}

/**
 * The threshold whose quantized distribution is nearest to the clipped one, by Kullback-Leibler
 * divergence. The reference distribution P is the bins within the threshold, with what lies
 * outside added to the end bins; Q is the same bins without that, merged to the levels of the
 * codes and spread again over the bins that are not empty.
 *
 * Symmetric codes: on magnitudes, with 128 levels for 8 bits, as in the source. Asymmetric codes:
 * on signed values, the same threshold on both sides, limited to [min, max], 255 levels. Exact
 * zeros are left out: every scale holds them exactly. An end bin that holds only outliers counts
 * as not empty; if its whole level is empty, the divergence is infinite.
 *
 * @see Szymon Migacz, "8-bit Inference with TensorRT", GTC 2017,
 *   https://on-demand.gputechconf.com/gtc/2017/presentation/s7310-8-bit-inference-with-tensorrt.pdf
 */
export function entropyRange({ histogram }: RangeSummary, spec: ActivationSpec): ValueRange {
  requireBinned(histogram)
  const { qmin, qmax } = codeRangeFor(spec)
  const levels = spec.symmetric ? (qmax - qmin + 2) >> 1 : qmax - qmin
  const distribution = distributionOf(histogram, spec.symmetric ? 'magnitudes' : 'signed')
  const bins = distribution.counts.length
  const { below } = distribution
  let best = Math.max(below, bins - below)
  let smallest = Infinity
  for (let half = best; half >= 1; half = Math.min(half - 1, Math.ceil(half * STEP))) {
    const start = Math.max(0, below - half)
    const end = Math.min(bins, below + half)
    if (end - start < levels) break
    const divergence = divergenceOf(distribution, start, end, levels)
    if (divergence < smallest) {
      smallest = divergence
      best = half
    }
  }
  const threshold = best * 2 ** histogram.exponent
  return withZero({
    min: Math.max(histogram.min, -threshold),
    max: Math.min(histogram.max, threshold),
  })
}

/**
 * KL(P || Q) for the bins [start, end), in nats:
 * (sum p ln p - sum over levels P_j ln(Q_j / filled_j)) / N - ln N + ln N_inside.
 */
function divergenceOf(
  { counts, values, filled, logs }: Distribution,
  start: number,
  end: number,
  levels: number,
): number {
  const total = values[counts.length]!
  const inside = values[end]! - values[start]!
  if (inside === 0) return Infinity
  const left = values[start]!
  const right = total - values[end]!
  const first = counts[start]!
  const last = counts[end - 1]!
  let sum = logs[end]! - logs[start]!
  sum += xLogX(first + left) - xLogX(first) + xLogX(last + right) - xLogX(last)
  for (let level = 0, from = start; level < levels; level++) {
    const to = start + Math.floor(((level + 1) * (end - start)) / levels)
    const kept = values[to]! - values[from]!
    let reference = kept
    let bins = filled[to]! - filled[from]!
    if (level === 0 && left > 0) {
      reference += left
      if (first === 0) bins++
    }
    if (level === levels - 1 && right > 0) {
      reference += right
      if (last === 0) bins++
    }
    if (reference > 0) sum -= reference * Math.log(kept / bins)
    from = to
  }
  return sum / total - Math.log(total) + Math.log(inside)
}

function distributionOf(
  { counts, exponent, min, max }: RangeHistogram,
  kind: 'signed' | 'magnitudes',
): Distribution {
  const binsPerUnit = 2 ** -exponent
  const negative = min < 0 ? Math.trunc(-min * binsPerUnit) + 1 : 0
  const positive = max > 0 ? Math.trunc(max * binsPerUnit) + 1 : 0
  if (kind === 'signed') {
    return sumsOf(counts.slice(HALF_BINS - negative, HALF_BINS + positive), negative)
  }
  const folded = Float64Array.from(
    { length: Math.max(negative, positive) },
    (_, bin) => counts[HALF_BINS + bin]! + counts[HALF_BINS + ~bin]!,
  )
  return sumsOf(folded, 0)
}

function sumsOf(counts: Float64Array, below: number): Distribution {
  const values = new Float64Array(counts.length + 1)
  const filled = new Float64Array(counts.length + 1)
  const logs = new Float64Array(counts.length + 1)
  for (let i = 0; i < counts.length; i++) {
    values[i + 1] = values[i]! + counts[i]!
    filled[i + 1] = filled[i]! + (counts[i]! > 0 ? 1 : 0)
    logs[i + 1] = logs[i]! + xLogX(counts[i]!)
  }
  return { below, counts, values, filled, logs }
}

function xLogX(x: number): number {
  return x > 0 ? x * Math.log(x) : 0
}
