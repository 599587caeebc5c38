import { clippedFraction, expectedSquaredError, squaredSignal } from './expected-error.ts'
import type { LiveBins } from './live-bins.ts'
import { liveBins } from './live-bins.ts'
import type { ActivationSpec, QuantParams } from './quant-params.ts'
import { quantParamsFor } from './quant-params.ts'
import type { RangeRuleName } from './range-rules.ts'
import { RANGE_RULE_NAMES, rangeRules } from './range-rules.ts'
import type { RangeSummary } from './range-state.ts'
import type { ValueRange } from './value-range.ts'

/** A range with what it is expected to cost on the calibration data. */
export type CalibratedRange = {
  readonly rule: RangeRuleName
  readonly range: ValueRange
  readonly params: QuantParams
  /** Mean of (x - quantized x)^2 over all finite values; 0 when there is none. */
  readonly meanSquaredError: number
  /** Signal to that error in decibels; null where it is infinite or has no meaning. */
  readonly sqnrDb: number | null
  /** Part of the values beyond the range. */
  readonly clipped: number
}

/**
 * How much more squared error than the best one a range may have and still be chosen for its
 * width: 2 %, which is 0.09 dB. Other data than the calibration samples reaches further, and a
 * wider range costs nothing there.
 */
const WORTH_THE_WIDTH = 0.02

/** The range of one rule; not for a summary of which only the ends were observed. */
export function calibrateRange(
  summary: RangeSummary,
  spec: ActivationSpec,
  rule: RangeRuleName,
): CalibratedRange {
  return scored(summary, liveBins(summary.histogram), spec, rule)
}

/**
 * The ranges of all rules, compared by one score, the expected squared error with the real scale
 * and zero point; of those within 2 % of the best, the widest.
 */
export function autoRange(summary: RangeSummary, spec: ActivationSpec): CalibratedRange {
  const bins = liveBins(summary.histogram)
  const [first, ...others] = RANGE_RULE_NAMES.map((rule) => scored(summary, bins, spec, rule))
  if (first === undefined) throw new TypeError('There is no range rule')
  const smallest = Math.min(...[first, ...others].map((one) => one.meanSquaredError))
  const isGood = (one: CalibratedRange): boolean =>
    one.meanSquaredError <= smallest * (1 + WORTH_THE_WIDTH)
  return others
    .filter(isGood)
    .reduce((best, one) => (isGood(best) && width(best) >= width(one) ? best : one), first)
}

function scored(
  summary: RangeSummary,
  bins: LiveBins,
  spec: ActivationSpec,
  rule: RangeRuleName,
): CalibratedRange {
  const range = rangeRules[rule](summary, spec)
  const params = quantParamsFor(range, spec)
  const error = expectedSquaredError(bins, params, spec)
  const signal = squaredSignal(bins)
  const { finite } = summary.histogram
  return {
    rule,
    range,
    params,
    meanSquaredError: finite === 0 ? 0 : error / finite,
    sqnrDb: error > 0 && signal > 0 ? 10 * Math.log10(signal / error) : null,
    clipped: clippedFraction(bins, params, spec),
  }
}

function width({ range }: CalibratedRange): number {
  return range.max - range.min
}
