import type { Accuracy } from './evaluate-types.ts'

/** The 97.5 % point of the normal distribution. */
const Z = 1.959963984540054

/**
 * The mean of scores between 0 and 1 with Wilson's 95 % interval: centre
 * `(p + z^2/2n) / (1 + z^2/n)`, half width `z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n)`.
 *
 * Wilson's interval is for right-or-wrong scores. Scores in between vary less than `p(1-p)`, so for
 * them it is too wide rather than too narrow. It takes questions as independent; several questions
 * about one picture are not quite, which it does not see.
 *
 * Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
 *
 * @param scores - at least one, each from 0 to 1
 */
export function meanWithInterval(scores: readonly number[]): Accuracy {
  const samples = scores.length
  if (samples === 0) throw new TypeError('meanWithInterval needs at least one score')
  const value = mean(scores)
  const weight = 1 + Z ** 2 / samples
  const center = (value + Z ** 2 / (2 * samples)) / weight
  const variance = (value * (1 - value)) / samples + Z ** 2 / (4 * samples ** 2)
  const half = (Z * Math.sqrt(Math.max(0, variance))) / weight
  return {
    value,
    low: Math.max(0, Math.min(value, center - half)),
    high: Math.min(1, Math.max(value, center + half)),
    samples,
  }
}

/** A compensated (Kahan) sum, so that thousands of 0.3 and 0.6 do not drift. */
function mean(scores: readonly number[]): number {
  let sum = 0
  let lost = 0
  for (const score of scores) {
    const next = sum + (score - lost)
    lost = next - sum - (score - lost)
    sum = next
  }
  return Math.min(1, Math.max(0, sum / scores.length))
}
