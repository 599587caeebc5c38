import { expectedSquaredError } from './expected-error.ts'
import type { LiveBins } from './live-bins.ts'
import { liveBins } from './live-bins.ts'
import { clipErrorModel } from './clip-error-model.ts'
import type { ActivationSpec } from './quant-params.ts'
import { quantParamsFor } from './quant-params.ts'
import type { RangeSummary } from './range-state.ts'
import type { ValueRange } from './value-range.ts'
import { withZero } from './value-range.ts'

/**
 * Ends that the coarse search tries, as parts of the smallest and largest value: eight to an
 * octave, down to the two narrowest bins, and 0.
 */
const COARSE_PARTS: readonly number[] = [...Array.from({ length: 89 }, (_, i) => 2 ** (-i / 8)), 0]

/** How many coarse results are looked at exactly, and how many of these are refined. */
const EXACT_STARTS = 8
const REFINED_STARTS = 2

/** Relative moves of an end that refinement tries, largest first. */
const MOVES: readonly number[] = [0.06, 0.03, 0.015, 0.007, 0.003]

type Scored = { readonly range: ValueRange; readonly error: number }

type Score = (range: ValueRange) => number

/**
 * The range, within [min, max], with the smallest expected squared error of rounding and clipping.
 *
 * A model of the error, cheap to evaluate, is tried on a grid of both ends; the best of these and
 * [min, max] itself are then refined by moving the ends with the exact error of the histogram.
 * Symmetric codes: one clip for both sides.
 */
export function mseRange({ histogram }: RangeSummary, spec: ActivationSpec): ValueRange {
  const bins = liveBins(histogram)
  const whole = withZero(histogram)
  if (whole.min === whole.max) return whole
  const score: Score = (range) => expectedSquaredError(bins, quantParamsFor(range, spec), spec)
  const starts = [whole, ...coarseRanges(bins, whole, spec)]
    .map((range) => ({ range, error: score(range) }))
    .toSorted((a, b) => a.error - b.error)
  const refined = starts
    .slice(0, REFINED_STARTS)
    .map((start) => refine(start, whole, score, spec))
    .toSorted((a, b) => a.error - b.error)
  return refined[0]?.range ?? whole
}

/** The best ranges of the grid, by the model. */
function coarseRanges(
  bins: LiveBins,
  whole: ValueRange,
  spec: ActivationSpec,
): readonly ValueRange[] {
  const model = clipErrorModel(bins, spec)
  const scored: Scored[] = []
  const add = (range: ValueRange): void => {
    if (range.min < range.max) scored.push({ range, error: model(range) })
  }
  if (spec.symmetric) {
    const clip = Math.max(-whole.min, whole.max)
    for (const part of COARSE_PARTS) add(within(whole, { min: -clip * part, max: clip * part }))
  } else {
    const lows = whole.min < 0 ? COARSE_PARTS : [0]
    const highs = whole.max > 0 ? COARSE_PARTS : [0]
    for (const low of lows) {
      for (const high of highs) add({ min: whole.min * low, max: whole.max * high })
    }
  }
  return scored
    .toSorted((a, b) => a.error - b.error)
    .slice(0, EXACT_STARTS)
    .map(({ range }) => range)
}

/** Moves the ends, each alone and both together, as long as that helps; smaller and smaller. */
function refine(start: Scored, whole: ValueRange, score: Score, spec: ActivationSpec): Scored {
  let best = start
  for (const move of MOVES) {
    let improved = true
    while (improved) {
      improved = false
      for (const range of neighbours(best.range, move, spec)) {
        const limited = within(whole, range)
        const error = score(limited)
        if (error >= best.error) continue
        best = { range: limited, error }
        improved = true
      }
    }
  }
  return best
}

function neighbours(
  { min, max }: ValueRange,
  move: number,
  spec: ActivationSpec,
): readonly ValueRange[] {
  const up = 1 + move
  const down = 1 - move
  if (spec.symmetric) {
    const clip = Math.max(-min, max)
    return [up, down].map((factor) => ({ min: -clip * factor, max: clip * factor }))
  }
  const both = [up, down].map((factor) => ({ min: min * factor, max: max * factor }))
  if (min === 0 || max === 0) return both
  return [
    ...both,
    { min: min * up, max },
    { min: min * down, max },
    { min, max: max * up },
    { min, max: max * down },
  ]
}

function within(whole: ValueRange, { min, max }: ValueRange): ValueRange {
  return { min: Math.max(whole.min, min), max: Math.min(whole.max, max) }
}
