import type { LiveBins } from './live-bins.ts'
import { liveBins } from './live-bins.ts'
import type { RangeSummary } from './range-state.ts'
import type { ValueRange } from './value-range.ts'
import { withZero } from './value-range.ts'

/** Percent of the values that the default percentile range holds. */
const DEFAULT_PERCENTILE = 99.99

/**
 * The range that leaves (100 - percentile) / 2 percent of the values, signed, on each side. Within
 * a bin values are taken as spread evenly.
 */
export function percentileRange(
  { histogram }: RangeSummary,
  percentile: number = DEFAULT_PERCENTILE,
): ValueRange {
  const bins = liveBins(histogram)
  const outside = (histogram.finite * (100 - percentile)) / 200
  return withZero({ min: lowerEnd(bins, outside), max: upperEnd(bins, outside) })
}

/** The value with `outside` values below it; Infinity when there is no value at all. */
function lowerEnd({ low, high, count }: LiveBins, outside: number): number {
  let below = 0
  for (let i = 0; i < count.length; i++) {
    if (below + count[i]! >= outside) {
      return low[i]! + (high[i]! - low[i]!) * ((outside - below) / count[i]!)
    }
    below += count[i]!
  }
  return Infinity
}

/** The value with `outside` values above it; -Infinity when there is no value at all. */
function upperEnd({ low, high, count }: LiveBins, outside: number): number {
  let above = 0
  for (let i = count.length - 1; i >= 0; i--) {
    if (above + count[i]! >= outside) {
      return high[i]! - (high[i]! - low[i]!) * ((outside - above) / count[i]!)
    }
    above += count[i]!
  }
  return -Infinity
}
