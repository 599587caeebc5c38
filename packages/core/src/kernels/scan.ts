import { halfToFloat } from './convert.ts'
import { requireFit } from './fit.ts'
import type { ValueScan } from './kernels.ts'
import { sumOfFour } from './sum-of-four.ts'

/** Length of the runs whose largest magnitude is looked at: the shortest block of kernels. */
export const GROUP_LENGTH = 16

/** The scan of no values: what `mergeScans` leaves unchanged. */
export const EMPTY_SCAN: ValueScan = {
  finite: 0,
  notFinite: 0,
  zeros: 0,
  min: Infinity,
  max: -Infinity,
  sum: 0,
  sumSquares: 0,
  smallestGroup: null,
}

type Totals = { -readonly [Key in keyof ValueScan]: ValueScan[Key] }

/** Sums of values and of their squares, by the place of a value in its row modulo 4. */
type Sums = { readonly values: Float64Array; readonly squares: Float64Array }

/**
 * One pass over whole rows of a weight. NaN and infinity are counted and otherwise left out; sums
 * are in float64, in four parts that are then added.
 *
 * @param x - float32, shape (any, cols)
 * @param cols - values in a row; the last run of a row has 16 to 31, or the whole row
 */
export function scanValues(x: Float32Array, cols: number): ValueScan {
  requireFit(cols >= 1 && x.length % cols === 0, `${x.length} values in rows of ${cols}`)
  const totals: Totals = { ...EMPTY_SCAN }
  const sums = { values: new Float64Array(4), squares: new Float64Array(4) }
  for (let row = 0; row < x.length; row += cols) {
    const rowEnd = row + cols
    for (let start = row, end = row; start < rowEnd; start = end) {
      // What is left of a row joins its last run: alone it would look like a tiny block.
      end = rowEnd - start < 2 * GROUP_LENGTH ? rowEnd : start + GROUP_LENGTH
      scanRun(totals, sums, x, start, end, start - row)
    }
  }
  return {
    ...totals,
    min: totals.min + 0,
    max: totals.max + 0,
    sum: sumOfFour(sums.values),
    sumSquares: sumOfFour(sums.squares),
  }
}

/** The same of half-precision values. */
export function scanHalves(bits: Uint16Array, cols: number): ValueScan {
  const x = new Float32Array(bits.length)
  halfToFloat(x, bits)
  return scanValues(x, cols)
}

/** The scan of two parts of one weight, each of whole rows. */
export function mergeScans(a: ValueScan, b: ValueScan): ValueScan {
  return {
    finite: a.finite + b.finite,
    notFinite: a.notFinite + b.notFinite,
    zeros: a.zeros + b.zeros,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sum: a.sum + b.sum,
    sumSquares: a.sumSquares + b.sumSquares,
    smallestGroup: smaller(a.smallestGroup, b.smallestGroup),
  }
}

/**
 * Adds the finite values of `x` to equal bins over [min, max]; `max` itself, and what lies
 * outside, falls in the first or last bin. All in the first bin when min = max.
 *
 * @param counts - added to, one a bin
 */
export function histogram(counts: Uint32Array, x: Float32Array, min: number, max: number): void {
  const last = counts.length - 1
  const binsPerUnit = max > min ? counts.length / (max - min) : 0
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!
    if (!(Math.abs(value) < Infinity)) continue
    const bin = Math.floor((value - min) * binsPerUnit)
    const index = bin > last ? last : bin < 0 ? 0 : bin
    counts[index] = counts[index]! + 1
  }
}

/** Adds the values of one run, which begins at place `place` of its row. */
function scanRun(
  totals: Totals,
  { values, squares }: Sums,
  x: Float32Array,
  start: number,
  end: number,
  place: number,
): void {
  let min = Infinity
  let max = -Infinity
  let finite = 0
  for (let i = start; i < end; i++) {
    const value = x[i]!
    if (!(Math.abs(value) < Infinity)) continue
    const part = (place + i - start) & 3
    finite++
    if (value === 0) totals.zeros++
    if (value < min) min = value
    if (value > max) max = value
    values[part] = values[part]! + value
    squares[part] = squares[part]! + value * value
  }
  totals.finite += finite
  totals.notFinite += end - start - finite
  totals.min = Math.min(totals.min, min)
  totals.max = Math.max(totals.max, max)
  const largest = Math.max(max, -min)
  if (largest > 0) totals.smallestGroup = smaller(totals.smallestGroup, largest)
}

function smaller(a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.min(a, b)
}
