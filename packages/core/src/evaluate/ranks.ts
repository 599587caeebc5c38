/**
 * The ranks of values from 1 on, equal values sharing the mean of theirs, as scipy's `rankdata`.
 *
 * @param values - no NaN
 */
export function averageRanks(values: readonly number[]): Float64Array {
  const order = values.map((_, index) => index)
  order.sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
  const ranks = new Float64Array(values.length)
  let start = 0
  while (start < order.length) {
    let end = start + 1
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end += 1
    for (let at = start; at < end; at++) ranks[order[at] ?? 0] = (start + 1 + end) / 2
    start = end
  }
  return ranks
}
