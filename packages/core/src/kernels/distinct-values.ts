import { requireFit } from './fit.ts'
import { HIGHEST_KEY, keyOf, KEYS, LOWEST_KEY } from './half-keys.ts'
import type { DistinctValues } from './palette-kernels.ts'

/** The distinct values of nothing: what `mergeDistinct` leaves unchanged. */
export function noDistinctValues(exponent: number): DistinctValues {
  return {
    exponent,
    keys: new Uint16Array(0),
    weight: new Float64Array(0),
    sum: new Float64Array(0),
    low: Infinity,
    high: -Infinity,
  }
}

/**
 * Values that are equal as halves (times a power of two), put together. Halves stay apart exactly;
 * float32 values keep their exact sums. NaN and infinity are left out, and what has no weight.
 *
 * @param exponent - log2 of what values are multiplied with before they are compared: `keyExponent`
 *   of the largest magnitude; 0 will do for halves. With a larger one the largest values are lost
 * @param weights - float32, one a value, >= 0 and finite; undefined counts
 */
export function distinctValues(
  x: Float32Array,
  exponent: number,
  weights: Float32Array | undefined,
): DistinctValues {
  requireWeights(x, weights)
  const factor = 2 ** exponent
  const weightOf = new Float64Array(KEYS)
  const sumOf = new Float64Array(KEYS)
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!
    const weight = weights === undefined ? 1 : weights[i]!
    const key = keyOf(value, factor)
    weightOf[key] = weightOf[key]! + weight
    sumOf[key] = sumOf[key]! + weight * value
  }
  const keys: number[] = []
  for (let key = LOWEST_KEY + 1; key < HIGHEST_KEY; key++) if (weightOf[key]! > 0) keys.push(key)
  return {
    exponent,
    keys: Uint16Array.from(keys),
    weight: Float64Array.from(keys, (key) => weightOf[key]!),
    sum: Float64Array.from(keys, (key) => sumOf[key]!),
    ...weighedEnds(x, weights),
  }
}

/** The smallest and the largest of the finite values that have a weight. */
export function weighedEnds(
  x: Float32Array,
  weights: Float32Array | undefined,
): Pick<DistinctValues, 'low' | 'high'> {
  let low = Infinity
  let high = -Infinity
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!
    if (!Number.isFinite(value) || weights?.[i] === 0) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  // Adding 0 makes -0 and 0 one end.
  return { low: low + 0, high: high + 0 }
}

/** The distinct values of two parts of one tensor, which must have the same exponent. */
export function mergeDistinct(a: DistinctValues, b: DistinctValues): DistinctValues {
  requireFit(a.exponent === b.exponent, `exponents ${a.exponent} and ${b.exponent}`)
  const most = Math.min(KEYS, a.keys.length + b.keys.length)
  const keys = new Uint16Array(most)
  const weight = new Float64Array(most)
  const sum = new Float64Array(most)
  let count = 0
  for (let i = 0, j = 0; i < a.keys.length || j < b.keys.length; count++) {
    const left = a.keys[i] ?? KEYS
    const right = b.keys[j] ?? KEYS
    keys[count] = Math.min(left, right)
    if (left <= right) {
      weight[count] = a.weight[i]!
      sum[count] = a.sum[i++]!
    }
    if (right <= left) {
      weight[count] = weight[count]! + b.weight[j]!
      sum[count] = sum[count]! + b.sum[j++]!
    }
  }
  return {
    exponent: a.exponent,
    keys: keys.slice(0, count),
    weight: weight.slice(0, count),
    sum: sum.slice(0, count),
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
  }
}

/** Throws unless there is one weight a value, or none at all. */
export function requireWeights(x: Float32Array, weights: Float32Array | undefined): void {
  requireFit(
    weights === undefined || weights.length === x.length,
    `${x.length} values, ${weights?.length} weights`,
  )
}
