import { requireFit } from './fit.ts'
import { HIGHEST_KEY, keyOf, keyValue } from './half-keys.ts'

/** What is zero: scores below `score`, and the first `equal` of those equal to it. */
export type PruneThreshold = {
  readonly score: number
  readonly equal: number
  /** The power of two that all scores were multiplied with; 1 where it is left out. */
  readonly factor?: number
}

/**
 * Makes the mask 0 where the score says so, in the order of the array, and leaves it elsewhere. NaN
 * is never below a score.
 *
 * @param mask - in and out: one byte a score
 */
export function maskBelow(
  mask: Uint8Array,
  scores: Float32Array,
  { score: limit, equal }: PruneThreshold,
): void {
  requireFit(mask.length === scores.length, `${mask.length} mask bytes, ${scores.length} scores`)
  let left = equal
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!
    // Without a branch, which would be mispredicted at every other value.
    mask[i] = mask[i]! & +!(score < limit)
    if (score === limit && left > 0) {
      left--
      mask[i] = 0
    }
  }
}

/** The magnitudes of values: the scores of those that become zero one by one. */
export function magnitudesOf(x: Float32Array): Float32Array {
  const out = new Float32Array(x.length)
  for (let i = 0; i < x.length; i++) out[i] = Math.abs(x[i]!)
  return out
}

/** The scores whose half, times 2^exponent, has a key, and how often each is there. */
export function scoresOfKey(
  scores: Float32Array,
  exponent: number,
  key: number,
): ReadonlyMap<number, number> {
  const factor = 2 ** exponent
  // What is nearer to a half than to its neighbours is nearer to it than they are.
  const middle = keyValue(key)
  const radius = keyValue(Math.min(key + 1, HIGHEST_KEY - 1)) - middle || Infinity
  const counts = new Map<number, number>()
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!
    if (!(Math.abs(score * factor - middle) < radius) || keyOf(score, factor) !== key) continue
    counts.set(score, (counts.get(score) ?? 0) + 1)
  }
  return counts
}

/** Makes the mask 0 where the magnitude is `magnitude` or less, and leaves it elsewhere. */
export function maskSmall(mask: Uint8Array, x: Float32Array, magnitude: number): void {
  requireFit(mask.length === x.length, `${mask.length} mask bytes, ${x.length} values`)
  for (let i = 0; i < x.length; i++) if (Math.abs(x[i]!) <= magnitude) mask[i] = 0
}

/** The values that a mask keeps, and `instead` of those it does not. */
export function withoutMasked(x: Float32Array, mask: Uint8Array, instead: number): Float32Array {
  requireFit(mask.length === x.length, `${mask.length} mask bytes, ${x.length} values`)
  const out = new Float32Array(x.length)
  const outBits = new Uint32Array(out.buffer)
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.length)
  const [other = 0] = new Uint32Array(Float32Array.of(instead).buffer)
  for (let i = 0; i < x.length; i++) {
    // All ones where the mask is not 0. A branch would be mispredicted at every other value.
    const keep = -mask[i]! >> 31
    outBits[i] = (bits[i]! & keep) | (other & ~keep)
  }
  return out
}

/**
 * The root of the sum of squares of each run of `size` rows, column by column: the scores of values
 * that are zero together, times `factor`. The last run may be shorter.
 *
 * @param scores - out: float32, shape (ceil(rows / size), columns)
 * @param x - float32, shape (rows, columns)
 */
export function runScores(
  scores: Float32Array,
  x: Float32Array,
  columns: number,
  { size, factor }: { readonly size: number; readonly factor: number },
): void {
  const rows = x.length / columns
  requireFit(scores.length === Math.ceil(rows / size) * columns, `${scores.length} scores`)
  const sums = new Float64Array(columns)
  for (let first = 0; first < rows; first += size) {
    sums.fill(0)
    for (let row = first; row < Math.min(first + size, rows); row++) {
      for (let c = 0; c < columns; c++) sums[c] = sums[c]! + x[row * columns + c]! ** 2
    }
    const at = (first / size) * columns
    for (let c = 0; c < columns; c++) scores[at + c] = Math.sqrt(sums[c]!) * factor
  }
}

/** Where groups of consecutive channels lie: the array has the shape (outer, channels, inner). */
export type ChannelLayout = { readonly channels: number; readonly inner: number }

/**
 * Makes the mask 0 for all but the `n` largest scores of each `m` consecutive channels; of equals
 * the earlier ones become 0, and the last group may be shorter. NaN counts as the largest.
 *
 * @param mask - in and out: one byte a score
 */
export function maskOfGroups(
  mask: Uint8Array,
  scores: Float32Array,
  n: number,
  m: number,
  { channels, inner }: ChannelLayout,
): void {
  requireFit(mask.length === scores.length, `${mask.length} mask bytes, ${scores.length} scores`)
  requireFit(scores.length % (channels * inner) === 0, `${channels} x ${inner} channels`)
  const group = new Float32Array(m)
  for (let outer = 0; outer < scores.length; outer += channels * inner) {
    for (let first = 0; first < channels; first += m) {
      const length = Math.min(m, channels - first)
      for (let column = 0; column < inner; column++) {
        const start = outer + first * inner + column
        for (let i = 0; i < length; i++) {
          const score = scores[start + i * inner]!
          group[i] = Number.isNaN(score) ? Infinity : score
        }
        for (let i = 0; i < length; i++) {
          if (largerThan(group, i, length) >= n) mask[start + i * inner] = 0
        }
      }
    }
  }
}

/** How many of a group come before score i: the larger ones, and later equal ones. */
function largerThan(group: Float32Array, i: number, length: number): number {
  const own = group[i]!
  let count = 0
  for (let k = 0; k < length; k++) if (group[k]! > own || (group[k] === own && k > i)) count++
  return count
}
