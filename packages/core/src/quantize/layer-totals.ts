import type { EncodedChunk } from './encode-chunk.ts'

/** What storing a weight cost, measured on the codes that were written. */
export type LayerTotals = {
  readonly elements: number
  readonly squaredError: number
  readonly squaredSignal: number
  readonly maxAbsError: number
  readonly histogram: readonly number[]
}

export const EMPTY_TOTALS: LayerTotals = {
  elements: 0,
  squaredError: 0,
  squaredSignal: 0,
  maxAbsError: 0,
  histogram: [],
}

/** Adds a chunk; the order of chunks is the order of rows, so sums repeat exactly. */
export function addChunk(
  totals: LayerTotals,
  chunk: Pick<EncodedChunk, 'error' | 'histogram'>,
  elements: number,
): LayerTotals {
  return {
    elements: totals.elements + elements,
    squaredError: totals.squaredError + chunk.error.squaredError,
    squaredSignal: totals.squaredSignal + chunk.error.squaredSignal,
    maxAbsError: Math.max(totals.maxAbsError, chunk.error.maxAbsError),
    histogram: [...chunk.histogram].map((count, bin) => count + (totals.histogram[bin] ?? 0)),
  }
}

/** The errors of a stored weight, ready to be reported: never NaN or infinite. */
export type LayerErrors = {
  readonly elements: number
  /**
   * Signal-to-quantization-noise ratio in decibels, 10 log10(sum w^2 / sum (w - decoded)^2); null
   * when nothing changed, or when the weight is all zero.
   */
  readonly sqnrDb: number | null
  /** Mean of (w - decoded)^2. */
  readonly mse: number
  readonly maxAbsError: number
  readonly histogram: readonly number[]
}

export function layerErrors(totals: LayerTotals): LayerErrors {
  const { elements, squaredError, squaredSignal, maxAbsError, histogram } = totals
  return {
    elements,
    sqnrDb:
      squaredError === 0 || squaredSignal === 0
        ? null
        : 10 * Math.log10(squaredSignal / squaredError),
    mse: elements === 0 ? 0 : squaredError / elements,
    maxAbsError,
    histogram,
  }
}
