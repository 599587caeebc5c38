import { ensure } from '../../base/error.ts'
import { elementsOf } from '../../tensor/weight.ts'

/**
 * Values that are decoded at once: 4 GiB of float32. Larger weights are read row by row; but indices of
 * one bit that stand for vectors make thousands of times as many bytes as their file has.
 */
const MOST_DECODED = 2 ** 30

/** Throws `limit-exceeded` for more values than are decoded at once. */
export function ensureDecodable(shape: readonly number[]): void {
  ensure(
    elementsOf(shape) <= MOST_DECODED,
    'limit-exceeded',
    `A compressed weight has [${shape.join(', ')}] values that are decoded at once; at most ${MOST_DECODED} are.`,
    { values: elementsOf(shape), limit: MOST_DECODED },
  )
}
