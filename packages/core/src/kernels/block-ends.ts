import { elementsOf } from '../tensor/weight.ts'
import { blockRuns } from './block-runs.ts'
import { blockExtremes } from './scales.ts'

/** The smallest and the largest finite value of every block, 0 included: what plain scales depend on. */
export type BlockEnds = {
  /** float32, one a block, each <= 0 */
  readonly low: Float32Array
  /** float32, one a block, each >= 0 */
  readonly high: Float32Array
}

/** Runs whose blocks are told together. */
const RUNS = 2 ** 12

/**
 * The ends of all blocks of a tensor, or of some rows of one whose blocks span all rows.
 *
 * @param x - float32, in storage order; NaN and infinity count for nothing
 */
export function blockEnds(
  x: Float32Array,
  shape: readonly number[],
  block: readonly number[],
): BlockEnds {
  const { length, count, blocks } = blockRuns(shape, block)
  const all = elementsOf(shape.map((size, axis) => size / (block[axis] ?? size)))
  const [low, high] = [new Float32Array(all), new Float32Array(all)]
  const owners = new Uint32Array(Math.min(count, RUNS))
  const extremes = { low: 0, high: 0 }
  for (let first = 0; first < count; first += owners.length) {
    const own = owners.subarray(0, Math.min(owners.length, count - first))
    blocks(own, first)
    for (let run = 0; run < own.length; run++) {
      const owner = own[run]!
      blockExtremes(extremes, x, (first + run) * length, (first + run + 1) * length)
      if (extremes.low < low[owner]!) low[owner] = extremes.low
      if (extremes.high > high[owner]!) high[owner] = extremes.high
    }
  }
  return { low, high }
}

/** The ends of two parts of one tensor. */
export function mergeBlockEnds(a: BlockEnds, b: BlockEnds): BlockEnds {
  return {
    low: a.low.map((value, i) => Math.min(value, b.low[i] ?? 0)),
    high: a.high.map((value, i) => Math.max(value, b.high[i] ?? 0)),
  }
}
