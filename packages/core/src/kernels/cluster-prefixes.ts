/**
 * Sums over the points before each position, values taken about their mean: the points [i, j) have
 * the weight weights[j] - weights[i].
 */
export type Prefixes = { readonly weights: Float64Array; readonly sums: Float64Array }

/** Writes the sums over points with a weight and a weighted value each. */
export function fillPrefixes(
  { weights, sums }: Prefixes,
  weight: Float64Array,
  sum: Float64Array,
): void {
  const mean = total(sum) / total(weight)
  weights[0] = 0
  sums[0] = 0
  for (let i = 0; i < weight.length; i++) {
    weights[i + 1] = weights[i]! + weight[i]!
    // About the mean, so that nothing is lost when all values are alike.
    sums[i + 1] = sums[i]! + (sum[i]! - mean * weight[i]!)
  }
}

/** S^2 / W of the points [i, j): what clustering them takes off the sum of w x^2. */
export function gain({ weights, sums }: Prefixes, i: number, j: number): number {
  const sum = sums[j]! - sums[i]!
  return (sum * sum) / (weights[j]! - weights[i]!)
}

function total(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}
