import type { ValueRange } from './value-range.ts'

/**
 * The part of each new batch in the average.
 *
 * @see https://docs.pytorch.org/docs/stable/generated/torch.ao.quantization.observer.MovingAverageMinMaxObserver.html
 */
const AVERAGING_CONSTANT = 0.01

/** An average of the smallest and largest values of batches in a row; depends on their order. */
export type MovingRange = {
  readonly batches: number
  readonly first: ValueRange
  readonly average: ValueRange
  /** (1 - 0.01)^batches: how much of an average before these batches is left after them. */
  readonly weight: number
}

/** The average after one more batch: the first one as it is, then m + 0.01 (x - m). */
export function addBatch(moving: MovingRange | null, batch: ValueRange): MovingRange {
  const one: MovingRange = {
    batches: 1,
    first: batch,
    average: batch,
    weight: 1 - AVERAGING_CONSTANT,
  }
  return moving === null ? one : joinBatches(moving, one)
}

/** The average over the batches of `a`, then those of `b`. */
export function joinBatches(a: MovingRange, b: MovingRange): MovingRange {
  return {
    batches: a.batches + b.batches,
    first: a.first,
    average: {
      min: b.average.min + b.weight * (a.average.min - b.first.min),
      max: b.average.max + b.weight * (a.average.max - b.first.max),
    },
    weight: a.weight * b.weight,
  }
}
