import type { LiveBins } from './live-bins.ts'
import type { ActivationSpec } from './quant-params.ts'
import { codeRangeFor } from './quant-params.ts'
import type { ValueRange } from './value-range.ts'

/** Sums over the values below a point: of 1, x and x^2. */
type Moments = { readonly count: number; readonly sum: number; readonly squares: number }

/**
 * An estimate, within about a tenth, of the squared error of any range in O(log bins): x^2 for values that round to 0,
 * step^2 / 12 for the others within the range, and the squared distance to it for those outside.
 */
export function clipErrorModel(
  bins: LiveBins,
  spec: ActivationSpec,
): (range: ValueRange) => number {
  const { qmin, qmax } = codeRangeFor(spec)
  const below = momentsBelow(bins)
  const total = below(Infinity)
  return (range) => {
    const clip = Math.max(-range.min, range.max)
    const { min, max } = spec.symmetric ? { min: -clip, max: clip } : range
    const step = (max - min) / (qmax - qmin)
    const low = below(min)
    const high = below(max)
    const lowCentre = below(-Math.min(step / 2, -min))
    const highCentre = below(Math.min(step / 2, max))
    const rounded = high.count - low.count - (highCentre.count - lowCentre.count)
    const lost = highCentre.squares - lowCentre.squares
    return (
      (step * step * rounded) / 12 + lost + distance(low, min) + distance(minus(total, high), max)
    )
  }
}

/** Sum of (x - end)^2 over the values with these moments. */
function distance({ count, sum, squares }: Moments, end: number): number {
  return Math.max(0, squares - 2 * end * sum + end * end * count)
}

function minus(a: Moments, b: Moments): Moments {
  return { count: a.count - b.count, sum: a.sum - b.sum, squares: a.squares - b.squares }
}

function momentsBelow({ low, high, count }: LiveBins): (x: number) => Moments {
  const bins = count.length
  const counts = new Float64Array(bins + 1)
  const sums = new Float64Array(bins + 1)
  const squares = new Float64Array(bins + 1)
  for (let i = 0; i < bins; i++) {
    const from = low[i]!
    const to = high[i]!
    counts[i + 1] = counts[i]! + count[i]!
    sums[i + 1] = sums[i]! + (count[i]! * (from + to)) / 2
    squares[i + 1] = squares[i]! + (count[i]! * (from * from + from * to + to * to)) / 3
  }
  return (x) => {
    const bin = firstReaching(high, x)
    const moments = { count: counts[bin]!, sum: sums[bin]!, squares: squares[bin]! }
    if (bin === bins || low[bin]! >= x) return moments
    const from = low[bin]!
    const part = (count[bin]! * (x - from)) / (high[bin]! - from)
    return {
      count: moments.count + part,
      sum: moments.sum + (part * (from + x)) / 2,
      squares: moments.squares + (part * (from * from + from * x + x * x)) / 3,
    }
  }
}

/** The first bin whose upper end is x or more; the number of bins when there is none. */
function firstReaching(high: Float64Array, x: number): number {
  let first = 0
  let end = high.length
  while (first < end) {
    const middle = (first + end) >> 1
    if (high[middle]! < x) first = middle + 1
    else end = middle
  }
  return first
}
