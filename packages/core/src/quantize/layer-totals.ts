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
export function addChunk(totals: LayerTotals, chunk: EncodedChunk, elements: number): LayerTotals {
  return {
    elements: totals.elements + elements,
    squaredError: totals.squaredError + chunk.error.squaredError,
    squaredSignal: totals.squaredSignal + chunk.error.squaredSignal,
    maxAbsError: Math.max(totals.maxAbsError, chunk.error.maxAbsError),
    histogram: [...chunk.histogram].map((count, bin) => count + (totals.histogram[bin] ?? 0)),
  }
}

/**
 * Signal-to-quantization-noise ratio of the stored weight, in decibels:
 * 10 log10(sum w^2 / sum (w - decoded)^2); null when nothing changed.
 */
export function sqnrDb(totals: LayerTotals): number | null {
  if (totals.squaredError === 0) return null
  if (totals.squaredSignal === 0) return 0
  return 10 * Math.log10(totals.squaredSignal / totals.squaredError)
}
