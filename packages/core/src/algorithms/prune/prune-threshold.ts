import { keyExponent } from '../../kernels/half-keys.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import type { DistinctValues } from '../../kernels/palette-kernels.ts'
import { type PruneThreshold, scoresOfKey } from '../../kernels/prune.ts'

/** Scores that are one half: those among which the threshold lies. */
export type ScoreBin = {
  readonly exponent: number
  readonly key: number
  /** How many of them are to be zero. */
  readonly zeros: number
}

/** The scores of a bin that one part of a tensor has, ascending, and how often each. */
export type BinScores = { readonly scores: Float32Array; readonly counts: Float64Array }

/**
 * The threshold that makes exactly `zeros` scores zero: the smallest ones, and of those equal to
 * the largest zero the first.
 *
 * @param scores - float32, >= 0; what is not finite stays
 */
export function pruneThreshold(
  kernels: Kernels,
  scores: Float32Array,
  zeros: number,
): PruneThreshold {
  const { finite, max } = kernels.valueEnds(scores)
  const exponent = keyExponent(finite === 0 ? 0 : max)
  const bin = scoreBin(kernels.distinctValues(scores, exponent, undefined), zeros)
  const [threshold] = thresholds(bin, [scoresInBin(scores, bin)])
  return threshold ?? { score: 0, equal: 0 }
}

/**
 * In which bin the threshold of a tensor lies, from the distinct scores of all its parts. With it
 * each part gives `scoresInBin`, and those together give the `thresholds`.
 */
export function scoreBin({ exponent, keys, weight }: DistinctValues, zeros: number): ScoreBin {
  let left = zeros
  for (const [i, key] of keys.entries()) {
    const count = weight[i] ?? 0
    if (left <= count) return { exponent, key, zeros: left }
    left -= count
  }
  // More than there are: all of the last bin, which is all there is.
  return { exponent, key: keys.at(-1) ?? 0, zeros: weight.at(-1) ?? 0 }
}

/** The scores of one part that lie in a bin. */
export function scoresInBin(scores: Float32Array, { exponent, key }: ScoreBin): BinScores {
  const counts = scoresOfKey(scores, exponent, key)
  const found = Float32Array.from(counts.keys()).toSorted()
  return { scores: found, counts: Float64Array.from(found, (score) => counts.get(score) ?? 0) }
}

/** The threshold of each part, in order: all have the same score, and the first ones more zeros. */
export function thresholds(
  { zeros }: ScoreBin,
  parts: readonly BinScores[],
): readonly PruneThreshold[] {
  const totals = new Map<number, number>()
  for (const { scores, counts } of parts) {
    for (const [i, score] of scores.entries()) {
      totals.set(score, (totals.get(score) ?? 0) + (counts[i] ?? 0))
    }
  }
  let left = zeros
  let limit = 0
  for (const score of [...totals.keys()].toSorted((a, b) => a - b)) {
    limit = score
    const count = totals.get(score) ?? 0
    if (left <= count) break
    left -= count
  }
  return parts.map(({ scores, counts }) => {
    const equal = Math.min(left, counts[scores.indexOf(limit)] ?? 0)
    left -= equal
    return { score: limit, equal }
  })
}
