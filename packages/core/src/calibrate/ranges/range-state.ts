import { addEnds, addHistogram, emptyEnds, emptyHistogram } from '../../kernels/histogram.ts'
import type { Kernels, RangeHistogram, ValueEnds } from '../../kernels/kernels.ts'
import type { MovingRange } from './moving-range.ts'
import { addBatch, joinBatches } from './moving-range.ts'
import type { ValueRange } from './value-range.ts'
import { hullOf } from './value-range.ts'

/**
 * What calibration keeps of one activation: 64 KiB, however many samples pass. The histogram does
 * not depend on their order; the moving average does. Plain data, so it may go to a worker and back.
 */
export type RangeState = {
  readonly histogram: RangeHistogram
  moving: MovingRange | null
}

/** What the rules see, of one activation or of several that share their parameters. */
export type RangeSummary = {
  readonly histogram: RangeHistogram
  /** Null when there was no batch with a finite value. */
  readonly moving: ValueRange | null
}

/** What is kept of an activation: a histogram, or only its ends, which is faster and takes no room. */
export type Kept = 'histogram' | 'ends'

export function emptyRangeState(keep: Kept = 'histogram'): RangeState {
  return { histogram: keep === 'histogram' ? emptyHistogram() : emptyEnds(), moving: null }
}

/** Adds one batch of an activation, in one pass. */
export function observe(
  state: RangeState,
  x: Float32Array,
  kernels: Pick<Kernels, 'addToHistogram'>,
): void {
  addToMoving(state, kernels.addToHistogram(state.histogram, x))
}

/** The same for the rules `min-max` and `moving-average`, three times as fast: it bins nothing. */
export function observeEnds(
  state: RangeState,
  x: Float32Array,
  kernels: Pick<Kernels, 'valueEnds'>,
): void {
  const ends = kernels.valueEnds(x)
  addEnds(state.histogram, ends)
  addToMoving(state, ends)
}

/** The same for a batch of which only the finite ends are known: it counts as these two values. */
export function observeRange(state: RangeState, { min, max }: ValueRange): void {
  const ends: ValueEnds = { finite: 2, notFinite: 0, zeros: 0, min: min + 0, max: max + 0 }
  addEnds(state.histogram, ends)
  addToMoving(state, ends)
}

/**
 * Adds what another worker saw. For the histogram any order gives the same; the moving average
 * takes the batches of `later` as those that came after.
 */
export function mergeRangeStates(state: RangeState, later: RangeState): void {
  addHistogram(state.histogram, later.histogram)
  if (later.moving === null) return
  state.moving = state.moving === null ? later.moving : joinBatches(state.moving, later.moving)
}

export function summaryOf({ histogram, moving }: RangeState): RangeSummary {
  return { histogram, moving: moving?.average ?? null }
}

/**
 * Activations that must share one scale, as one: those that a concatenation joins, or that pooling
 * and reshaping only pass on. The moving averages become the range that holds them all.
 */
export function unite(summaries: readonly RangeSummary[]): RangeSummary {
  const histogram = emptyHistogram()
  for (const summary of summaries) addHistogram(histogram, summary.histogram)
  const averages = summaries.flatMap(({ moving }) => moving ?? [])
  return { histogram, moving: averages.length === 0 ? null : hullOf(averages) }
}

function addToMoving(state: RangeState, { finite, min, max }: ValueEnds): void {
  if (finite > 0) state.moving = addBatch(state.moving, { min, max })
}
