import { entropyRange } from './entropy.ts'
import { mseRange } from './mse.ts'
import { percentileRange } from './percentile.ts'
import type { ActivationSpec } from './quant-params.ts'
import type { RangeSummary } from './range-state.ts'
import type { ValueRange } from './value-range.ts'
import { withZero } from './value-range.ts'

/** The names used in plans, on the command line and in the documentation; `auto` picks one. */
export type RangeRuleName = 'min-max' | 'moving-average' | 'percentile' | 'entropy' | 'mse'

/** A range that holds 0, and that is [0, 0] for an activation without any finite value. */
export type RangeRule = (summary: RangeSummary, spec: ActivationSpec) => ValueRange

export const rangeRules: Readonly<Record<RangeRuleName, RangeRule>> = {
  'min-max': ({ histogram }) => withZero(histogram),
  'moving-average': ({ moving }) => withZero(moving ?? { min: 0, max: 0 }),
  percentile: (summary) => percentileRange(summary),
  entropy: entropyRange,
  mse: mseRange,
}

export const RANGE_RULE_NAMES: readonly RangeRuleName[] = [
  'min-max',
  'moving-average',
  'percentile',
  'entropy',
  'mse',
]
