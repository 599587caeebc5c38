import { HALF_BINS } from '../../kernels/histogram.ts'
import type { RangeHistogram } from '../../kernels/kernels.ts'

/**
 * The bins that are not empty, from the lowest up: values are taken as spread evenly from `low` to
 * `high`. The outer bins end at the smallest and largest value; exact zeros are a bin of width 0.
 */
export type LiveBins = {
  readonly low: Float64Array
  readonly high: Float64Array
  readonly count: Float64Array
}

export function liveBins(histogram: RangeHistogram): LiveBins {
  requireBinned(histogram)
  const { counts, exponent, zeros, min, max } = histogram
  const width = 2 ** exponent
  const low: number[] = []
  const high: number[] = []
  const count: number[] = []
  const push = (from: number, to: number, values: number): void => {
    if (values === 0) return
    low.push(Math.max(min, from))
    high.push(Math.min(max, to))
    count.push(values)
  }
  for (let bin = -HALF_BINS; bin < HALF_BINS; bin++) {
    if (bin === 0) push(0, 0, zeros)
    push(bin * width, (bin + 1) * width, counts[HALF_BINS + bin]!)
  }
  return {
    low: Float64Array.from(low),
    high: Float64Array.from(high),
    count: Float64Array.from(count),
  }
}

/** Throws a `TypeError` for a histogram of which only the ends were observed. */
export function requireBinned({ counts, zeros, finite }: RangeHistogram): void {
  const binned = counts.reduce((sum, values) => sum + values, zeros)
  if (binned !== finite) {
    throw new TypeError(`${binned} of ${finite} values are binned: only ends were observed`)
  }
}
