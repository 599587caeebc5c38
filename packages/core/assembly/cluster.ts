// Twin of clusterAtPrice (src/kernels/cluster-at-price.ts): positions are 0 to `last`.

// @ts-ignore: decorator
@inline
function double(array: usize, i: i32): f64 {
  return load<f64>(array + (<usize>i << 3))
}

// @ts-ignore: decorator
@inline
function integer(array: usize, i: i32): i32 {
  return load<i32>(array + (<usize>i << 2))
}

/** Whether a last cluster of `points` up to j is better when it begins at the later position. */
// @ts-ignore: decorator
@inline
function isBetter(
  weights: usize,
  sums: usize,
  lead: f64,
  earlierWeight: f64,
  earlierSum: f64,
  laterWeight: f64,
  laterSum: f64,
  j: i32,
): bool {
  const weight = double(weights, j)
  const sum = double(sums, j)
  const a = sum - laterSum
  const b = sum - earlierSum
  return lead + (a * a) / (weight - laterWeight) > (b * b) / (weight - earlierWeight)
}

function overtakesAt(
  score: usize,
  weights: usize,
  sums: usize,
  earlier: i32,
  later: i32,
  first: i32,
  last: i32,
): i32 {
  const lead = double(score, later) - double(score, earlier)
  const w0 = double(weights, earlier)
  const s0 = double(sums, earlier)
  const w1 = double(weights, later)
  const s1 = double(sums, later)
  if (isBetter(weights, sums, lead, w0, s0, w1, s1, first)) return first
  if (!isBetter(weights, sums, lead, w0, s0, w1, s1, last)) return last + 1
  let low = first
  let high = min(first + 1, last)
  let step = 2
  while (!isBetter(weights, sums, lead, w0, s0, w1, s1, high)) {
    low = high
    high = min(high + step, last)
    step *= 2
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (isBetter(weights, sums, lead, w0, s0, w1, s1, middle)) high = middle
    else low = middle
  }
  return high
}

export function clusterAtPrice(
  score: usize,
  previous: usize,
  clusters: usize,
  begins: usize,
  from: usize,
  weights: usize,
  sums: usize,
  last: i32,
  price: f64,
): i32 {
  let head = 0
  let tail = 1
  store<f64>(score, 0)
  store<i32>(clusters, 0)
  store<i32>(begins, 0)
  store<i32>(from, 1)
  for (let j = 1; j <= last; j++) {
    while (head + 1 < tail && integer(from, head + 1) <= j) head++
    const i = integer(begins, head)
    const sum = double(sums, j) - double(sums, i)
    const gain = (sum * sum) / (double(weights, j) - double(weights, i))
    store<f64>(score + (<usize>j << 3), double(score, i) + gain - price)
    store<i32>(previous + (<usize>j << 2), i)
    store<i32>(clusters + (<usize>j << 2), integer(clusters, i) + 1)
    let start = j + 1
    while (tail > head) {
      const other = max(integer(from, tail - 1), j + 1)
      if (other > last) break
      start = overtakesAt(score, weights, sums, integer(begins, tail - 1), j, other, last)
      if (start > other) break
      tail--
    }
    if (start > last || j == last) continue
    store<i32>(begins + (<usize>tail << 2), j)
    store<i32>(from + (<usize>tail << 2), start)
    tail++
  }
  return integer(clusters, last)
}
