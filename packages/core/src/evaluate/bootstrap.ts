import { seededRandom } from '../base/seeded-random.ts'

/** Ends of a 95 % interval. */
export type Interval = { readonly low: number; readonly high: number }

/** A statistic of weighted samples; null where it is not defined, as for weights all 0. */
export type Statistic = (weights: Float64Array) => number | null

/** Our choice: the ends of an interval repeat to about 2 % of its width between seeds. */
const RESAMPLES = 1000

/** Any fixed number: the same data must give the same interval. */
const SEED = 0x6d697862

/**
 * The percentile bootstrap: the middle 95 % of the statistic over data sets of the same size that
 * are drawn from the samples with replacement. A drawn data set is given as how often each sample
 * is in it. Null for fewer than two samples, or where the statistic is defined for under half of
 * the draws.
 *
 * Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
 */
export function bootstrapInterval(
  samples: number,
  statistic: Statistic,
  resamples: number = RESAMPLES,
): Interval | null {
  const values = draws(samples, statistic, resamples)
  if (values === null) return null
  values.sort((a, b) => a - b)
  return { low: quantile(values, 0.025), high: quantile(values, 0.975) }
}

/**
 * The bootstrap's standard error of a statistic: its standard deviation over drawn data sets. For
 * statistics whose draws lie to one side of the value, such as average precision, where a picture
 * drawn twice helps. Null as `bootstrapInterval` is.
 *
 * Efron and Tibshirani (1993), chapter 6; 200 draws are enough there.
 */
export function bootstrapError(
  samples: number,
  statistic: Statistic,
  resamples: number,
): number | null {
  const values = draws(samples, statistic, resamples)
  if (values === null) return null
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return Math.sqrt(squares / (values.length - 1))
}

/** The statistic of each drawn data set; null where that is too few to say anything. */
function draws(samples: number, statistic: Statistic, resamples: number): number[] | null {
  if (samples < 2) return null
  const random = seededRandom(SEED)
  const values: number[] = []
  const weights = new Float64Array(samples)
  for (let draw = 0; draw < resamples; draw++) {
    weights.fill(0)
    for (let i = 0; i < samples; i++) {
      const drawn = Math.floor(random() * samples)
      weights[drawn] = (weights[drawn] ?? 0) + 1
    }
    const value = statistic(weights)
    if (value !== null && Number.isFinite(value)) values.push(value)
  }
  return values.length * 2 < resamples ? null : values
}

/** A quantile of sorted values, linear between neighbours, as numpy's default. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below] ?? 0
  const high = sorted[below + 1] ?? low
  return low + (high - low) * (place - below)
}
