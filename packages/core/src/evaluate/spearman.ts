import { averageRanks } from './ranks.ts'

/** A correlation from -1 to 1 with its 95 % interval; null where it is not defined. */
export type Correlation = {
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
}

/** The 97.5 % point of the normal distribution. */
const Z = 1.959963984540054

/**
 * Spearman's rank correlation: Pearson's correlation of the ranks, equal values sharing the mean of
 * their ranks, as scipy's `spearmanr`. Null for fewer than two pairs, for a side that is constant,
 * and where a value is not finite.
 */
export function spearman(x: readonly number[], y: readonly number[]): number | null {
  if (!x.every(Number.isFinite) || !y.every(Number.isFinite)) return null
  return pearson(averageRanks(x), averageRanks(y))
}

/**
 * Spearman's correlation with the interval of Bonett and Wright: Fisher's z, with the standard
 * error `sqrt((1 + r^2 / 2) / (n - 3))`. No interval for fewer than four pairs, and none at -1 or
 * 1, where Fisher's z has no end.
 *
 * Bonett and Wright, "Sample size requirements for estimating Pearson, Kendall and Spearman
 * correlations", Psychometrika 65 (2000).
 */
export function spearmanWithInterval(x: readonly number[], y: readonly number[]): Correlation {
  const value = spearman(x, y)
  if (value === null || x.length < 4 || Math.abs(value) >= 1)
    return { value, low: null, high: null }
  const center = Math.atanh(value)
  const half = Z * Math.sqrt((1 + value ** 2 / 2) / (x.length - 3))
  return { value, low: Math.tanh(center - half), high: Math.tanh(center + half) }
}

/** Pearson's correlation, from -1 to 1; null where a side is constant or has fewer than 2 values. */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number | null {
  if (x.length !== y.length) throw new TypeError(`${x.length} and ${y.length} values have no pairs`)
  const n = x.length
  if (n < 2) return null
  const meanX = mean(x)
  const meanY = mean(y)
  let xy = 0
  let xx = 0
  let yy = 0
  for (let i = 0; i < n; i++) {
    const dx = (x[i] ?? 0) - meanX
    const dy = (y[i] ?? 0) - meanY
    xy += dx * dy
    xx += dx * dx
    yy += dy * dy
  }
  // One root of the product is exact where both sides are the same; two roots cannot overflow.
  const product = xx * yy
  const isSafe = product > 0 && product < Infinity
  const value = xy / (isSafe ? Math.sqrt(product) : Math.sqrt(xx) * Math.sqrt(yy))
  return Number.isFinite(value) ? Math.max(-1, Math.min(1, value)) : null
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0
  return sum / values.length
}
