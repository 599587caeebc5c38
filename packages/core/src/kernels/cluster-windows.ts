import { gain, type Prefixes } from './cluster-prefixes.ts'

/** 0, where each cluster ends, and the number of points. */
export type Boundaries = Uint32Array<ArrayBuffer>

/** The best scores of some clusters that end at each position [low, high], and where the last begins. */
type Row = {
  readonly low: number
  readonly high: number
  readonly score: Float64Array
  readonly begin: Uint32Array
}

/**
 * The best `clusters` clusters, when the best ones of fewer and of more are known: boundary b of
 * the best k lies between boundaries b - (k - k') and b of the best k' < k, and between b and
 * b + (k' - k) of the best k' > k. So the dynamic program looks at few positions for each boundary.
 *
 * Aggarwal, Schieber and Tokuyama, "Finding a Minimum-Weight k-Link Path in Graphs with the Concave
 * Monge Property and Applications", 1994, section 3. https://doi.org/10.1007/BF02574380
 */
export function bestWithin(
  prefixes: Prefixes,
  clusters: number,
  fewer: Boundaries,
  more: Boundaries,
): Boundaries {
  const rows: Row[] = [{ low: 0, high: 0, score: new Float64Array(1), begin: new Uint32Array(1) }]
  for (let boundary = 1; boundary <= clusters; boundary++) {
    const left = boundary - (clusters - (fewer.length - 1))
    const right = boundary + (more.length - 1 - clusters)
    const low = Math.max(at(fewer, left), at(more, boundary), boundary)
    const high = Math.min(at(fewer, boundary), at(more, right))
    rows.push(nextRow(prefixes, rows[boundary - 1]!, low, Math.max(low, high)))
  }
  const boundaries = new Uint32Array(clusters + 1)
  let end = fewer[fewer.length - 1]!
  for (let boundary = clusters; boundary > 0; boundary--) {
    const row = rows[boundary]!
    boundaries[boundary] = end
    end = row.begin[end - row.low]!
  }
  return boundaries
}

/** A boundary, those before the first being 0 and those after the last the number of points. */
function at(boundaries: Boundaries, index: number): number {
  return boundaries[Math.min(Math.max(index, 0), boundaries.length - 1)]!
}

/**
 * Where the last cluster begins moves only forwards when its end does: the middle end splits the
 * beginnings for those before and after it.
 */
function nextRow(prefixes: Prefixes, previous: Row, low: number, high: number): Row {
  const score = new Float64Array(high - low + 1)
  const begin = new Uint32Array(high - low + 1)
  const solve = (from: number, to: number, first: number, last: number): void => {
    if (from > to) return
    const end = (from + to) >>> 1
    let best = -Infinity
    let bestBegin = first
    for (let i = first; i <= Math.min(last, end - 1); i++) {
      const value = previous.score[i - previous.low]! + gain(prefixes, i, end)
      if (value > best) {
        best = value
        bestBegin = i
      }
    }
    score[end - low] = best
    begin[end - low] = bestBegin
    solve(from, end - 1, first, bestBegin)
    solve(end + 1, to, bestBegin, last)
  }
  solve(low, high, previous.low, previous.high)
  return { low, high, score, begin }
}
