import type { DistinctValues } from '../../kernels/palette-kernels.ts'

/** The largest code of a table of int8; symmetric. */
export const MAX_CODE = 127

/** Sums over the values up to each half step of the grid. */
type GridSums = {
  /** The first code that may be used. */
  readonly low: number
  /** How many codes may be used, at steps of 1 from `low`. */
  readonly count: number
  /** At index 2 * i of the code low + i: weight and sum of the values up to it, in steps. */
  readonly weight: Float64Array
  readonly sum: Float64Array
}

/** Costs of the best choices that end with each code, and the code before it. */
type Row = { readonly cost: Float64Array; readonly before: Uint8Array }

/**
 * The codes of a table for some values: those integers q within +-127 for which replacing each
 * value by the nearest q * scale has the least squared error. Exact, up to the rounding of
 * q * scale to its stored dtype: a dynamic program over the codes, of which each row has its best
 * predecessors in ascending order, as the cost between neighbours is Monge.
 *
 * @param scale - the step between codes, > 0
 * @param most - codes that the table has room for
 * @returns ascending; fewer than `most` when there are not so many between the values
 */
export function gridCodes(values: DistinctValues, scale: number, most: number): Int8Array {
  const sums = gridSums(values, scale)
  const wanted = Math.min(most, sums.count)
  const rows: Row[] = [firstRow(sums)]
  while (rows.length < wanted) rows.push(nextRow(sums, rows.at(-1)))
  return pickCodes(sums, rows)
}

function gridSums({ weight, sum }: DistinctValues, scale: number): GridSums {
  const steps = Float64Array.from(weight, (w, i) => (sum[i] ?? 0) / w / scale)
  const low = Math.min(MAX_CODE, Math.max(-MAX_CODE, Math.floor(steps[0] ?? 0)))
  const high = Math.max(low, Math.min(MAX_CODE, Math.ceil(steps.at(-1) ?? 0)))
  const count = high - low + 1
  const weights = new Float64Array(2 * count - 1)
  const sums = new Float64Array(2 * count - 1)
  let w = 0
  let s = 0
  let next = 0
  for (let half = 0; half < weights.length; half++) {
    // Values beyond the last code are of the last half step.
    const end = half === weights.length - 1 ? Infinity : low + half / 2
    for (; next < steps.length && (steps[next] ?? 0) <= end; next++) {
      w += weight[next] ?? 0
      s += (weight[next] ?? 0) * (steps[next] ?? 0)
    }
    weights[half] = w
    sums[half] = s
  }
  return { low, count, weight: weights, sum: sums }
}

/**
 * The cost of replacing the values in half steps (from, to] by the code at `index`, less the sum of
 * their squares, which no choice changes.
 */
function costOf({ low, weight, sum }: GridSums, index: number, from: number, to: number): number {
  const code = low + index
  const w = (weight[to] ?? 0) - (from < 0 ? 0 : (weight[from] ?? 0))
  const s = (sum[to] ?? 0) - (from < 0 ? 0 : (sum[from] ?? 0))
  return code * (code * w - 2 * s)
}

/** The smallest code takes all values below it. */
function firstRow(sums: GridSums): Row {
  const cost = Float64Array.from({ length: sums.count }, (_, i) => costOf(sums, i, -1, 2 * i))
  return { cost, before: new Uint8Array(sums.count) }
}

function nextRow(sums: GridSums, previous: Row | undefined): Row {
  const cost = new Float64Array(sums.count).fill(Infinity)
  const before = new Uint8Array(sums.count)
  const solve = (from: number, to: number, first: number, last: number): void => {
    if (from > to) return
    const j = (from + to) >>> 1
    let best = first
    for (let i = first; i <= Math.min(last, j - 1); i++) {
      // Half steps 2i to i + j are nearer to code i, those up to 2j to code j.
      const between = costOf(sums, i, 2 * i, i + j) + costOf(sums, j, i + j, 2 * j)
      const total = (previous?.cost[i] ?? Infinity) + between
      if (total < (cost[j] ?? 0)) {
        cost[j] = total
        best = i
      }
    }
    before[j] = best
    solve(from, j - 1, first, best)
    solve(j + 1, to, best, last)
  }
  solve(0, sums.count - 1, 0, sums.count - 1)
  return { cost, before }
}

/** The largest code takes all values above it; from there back to the smallest. */
function pickCodes(sums: GridSums, rows: readonly Row[]): Int8Array {
  const end = 2 * (sums.count - 1)
  let at = 0
  let least = Infinity
  for (let i = 0; i < sums.count; i++) {
    const total = (rows.at(-1)?.cost[i] ?? 0) + costOf(sums, i, 2 * i, end)
    if (total < least) {
      least = total
      at = i
    }
  }
  const codes = new Int8Array(rows.length)
  for (let row = rows.length - 1; row >= 0; row--) {
    codes[row] = sums.low + at
    at = rows[row]?.before[at] ?? 0
  }
  return codes
}
