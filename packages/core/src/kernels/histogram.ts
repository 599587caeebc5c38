import { requireFit } from './fit.ts'
import type { RangeHistogram, ValueEnds } from './kernels.ts'

/** Bins on each side of zero. */
export const HALF_BINS = 4096

/** log2 of `HALF_BINS`. */
const HALF_BINS_LOG2 = 12

/** The narrowest bin is 2^-126 wide, so that its inverse is a finite float32. */
const SMALLEST_EXPONENT = -126

/** The ends of no values: what `mergeEnds` leaves unchanged. */
export const EMPTY_ENDS: ValueEnds = {
  finite: 0,
  notFinite: 0,
  zeros: 0,
  min: Infinity,
  max: -Infinity,
}

/** A histogram of nothing, 64 KiB; it stays this large however many values are added. */
export function emptyHistogram(): RangeHistogram {
  return {
    ...EMPTY_ENDS,
    exponent: SMALLEST_EXPONENT,
    counts: new Float64Array(2 * HALF_BINS),
  }
}

/** A histogram without bins, of which only the ends are kept. */
export function emptyEnds(): RangeHistogram {
  return { ...EMPTY_ENDS, exponent: SMALLEST_EXPONENT, counts: new Float64Array(0) }
}

/** Counts values by kind and finds the ends of the finite ones; -0 is 0. */
export function valueEnds(x: Float32Array): ValueEnds {
  let finite = 0
  let zeros = 0
  let min = Infinity
  let max = -Infinity
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!
    if (!(Math.abs(value) < Infinity)) continue
    finite++
    if (value === 0) zeros++
    if (value < min) min = value
    if (value > max) max = value
  }
  return { finite, notFinite: x.length - finite, zeros, min: min + 0, max: max + 0 }
}

/** The ends of two parts of one tensor. */
export function mergeEnds(a: ValueEnds, b: ValueEnds): ValueEnds {
  return {
    finite: a.finite + b.finite,
    notFinite: a.notFinite + b.notFinite,
    zeros: a.zeros + b.zeros,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  }
}

/**
 * Adds values to a histogram and returns their own ends.
 *
 * The width of a bin follows from the largest magnitude alone, widths are powers of two, and bins
 * begin at zero: a wider bin is exactly two narrower ones. So the histogram is the same for any
 * order of the values and any split into calls.
 *
 * @param x - float32, any shape, read flat; not finite ones are counted, not binned
 */
export function addToHistogram(histogram: RangeHistogram, x: Float32Array): ValueEnds {
  const ends = valueEnds(x)
  addEnds(histogram, ends)
  const { counts, exponent } = histogram
  const binsPerUnit = 2 ** -exponent
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!
    const magnitude = Math.abs(value)
    if (!(magnitude < Infinity) || value === 0) continue
    const bin = Math.trunc(magnitude * binsPerUnit)
    const index = HALF_BINS + (value < 0 ? ~bin : bin)
    counts[index] = counts[index]! + 1
  }
  return ends
}

/**
 * Adds what `other` has seen; order and grouping of such additions change nothing. Of one without
 * bins only the ends are added.
 */
export function addHistogram(histogram: RangeHistogram, other: RangeHistogram): void {
  addEnds(histogram, other)
  if (other.counts.length === 0) return
  requireFit(other.counts.length === 2 * HALF_BINS, `${other.counts.length} bins`)
  const shift = Math.min(31, histogram.exponent - other.exponent)
  const { counts } = histogram
  for (let bin = -HALF_BINS; bin < HALF_BINS; bin++) {
    const index = HALF_BINS + (bin >> shift)
    counts[index] = counts[index]! + other.counts[HALF_BINS + bin]!
  }
}

/** Adds counts and ends, and makes the bins wide enough; the values themselves are still to bin. */
export function addEnds(histogram: RangeHistogram, ends: ValueEnds): void {
  histogram.finite += ends.finite
  histogram.notFinite += ends.notFinite
  histogram.zeros += ends.zeros
  histogram.min = Math.min(histogram.min, ends.min)
  histogram.max = Math.max(histogram.max, ends.max)
  const exponent = exponentFor(histogram)
  if (exponent > histogram.exponent) widenBins(histogram, exponent)
}

/**
 * log2 of the bin width for values between `min` and `max`: the largest magnitude falls in the
 * bins 2048 to 4095 of its side (below 2^-115 in a lower one).
 */
export function exponentFor({ min, max }: { readonly min: number; readonly max: number }): number {
  const largest = Math.max(max, -min)
  if (!(largest >= 2 ** (SMALLEST_EXPONENT + HALF_BINS_LOG2))) return SMALLEST_EXPONENT
  return floorLog2(largest) + 1 - HALF_BINS_LOG2
}

/** One float32 and its bits; made once, as memory for each number would be collected one by one. */
const FLOAT = new Float32Array(1)
const BITS = new Uint32Array(FLOAT.buffer)

/** The exponent e with 2^e <= x < 2^(e+1), for a normal float32; `Math.log2` may be off near 2^e. */
function floorLog2(x: number): number {
  FLOAT[0] = x
  return (BITS[0]! >>> 23) - 127
}

/** Joins neighbours until a bin is 2^exponent wide; every count is kept. */
function widenBins(histogram: RangeHistogram, exponent: number): void {
  const shift = Math.min(31, exponent - histogram.exponent)
  const { counts } = histogram
  histogram.exponent = exponent
  if (counts.length === 0) return
  const move = (bin: number): void => {
    const count = counts[HALF_BINS + bin]!
    if (count === 0) return
    const index = HALF_BINS + (bin >> shift)
    counts[HALF_BINS + bin] = 0
    counts[index] = counts[index]! + count
  }
  // From zero outwards: a bin moves towards zero, to where another one has been moved from.
  for (let bin = 0; bin < HALF_BINS; bin++) {
    move(bin)
    move(~bin)
  }
}
