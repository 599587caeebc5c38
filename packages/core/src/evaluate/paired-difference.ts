import { ensure } from '../base/error.ts'
import { bootstrapInterval } from './bootstrap.ts'

/** How much the mean of a number changed over the same samples. */
export type PairedDifference = {
  readonly samples: number
  /** Mean after minus mean before. */
  readonly difference: number
  /** Its 95 % interval; null for one sample. */
  readonly low: number | null
  readonly high: number | null
}

/**
 * The change of a mean with its paired bootstrap interval: samples are drawn, each with both of its
 * numbers. Looking at the same sample twice sees much smaller changes than two separate intervals.
 *
 * @param before - one number a sample
 * @param after - of the same samples in the same order
 */
export function pairedDifference(
  before: readonly number[],
  after: readonly number[],
): PairedDifference {
  ensure(
    before.length === after.length && before.length > 0,
    'invalid-dataset',
    `The two evaluations have ${before.length} and ${after.length} samples. Evaluate both with the ` +
      'same data and limit.',
    { before: before.length, after: after.length },
  )
  const changes = before.map((value, index) => (after[index] ?? value) - value)
  const meanOf = (weightOf: (index: number) => number): number =>
    changes.reduce((sum, change, index) => sum + change * weightOf(index), 0) / changes.length
  const interval = bootstrapInterval(changes.length, (weights) =>
    meanOf((index) => weights[index] ?? 0),
  )
  return {
    samples: changes.length,
    difference: meanOf(() => 1),
    low: interval?.low ?? null,
    high: interval?.high ?? null,
  }
}
