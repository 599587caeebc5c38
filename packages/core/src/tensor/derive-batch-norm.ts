import { columnsOf, rowsOf, type Weight } from './weight.ts'

/** A batch normalisation at inference; every vector has one value a channel. */
export type BatchNorm = {
  readonly gamma: Weight
  readonly beta: Weight
  readonly mean: Weight
  readonly variance: Weight
  /** Added to the variance under the root. */
  readonly epsilon: number
}

/**
 * The convolution that computes what `norm(conv(x) + bias)` does:
 * weight * gamma / sqrt(variance + epsilon) for each output channel, and
 * beta + (bias - mean) * gamma / sqrt(variance + epsilon).
 *
 * Computed in double and rounded once to float32. A variance below zero gives NaN, which the
 * audit of weights finds.
 *
 * @param weight - shape (out, ...)
 * @param bias - shape (out), or nothing
 */
export function foldBatchNorm(
  weight: Weight,
  bias: Weight | undefined,
  norm: BatchNorm,
): { readonly weight: Weight; readonly bias: Weight } {
  return { weight: foldedWeight(weight, norm), bias: foldedBias(weight, bias, norm) }
}

function foldedWeight(source: Weight, norm: BatchNorm): Weight {
  return {
    name: source.name,
    dtype: source.dtype,
    shape: source.shape,
    async readRows(start, end) {
      const [values, factors] = await Promise.all([
        source.readRows(start, end),
        rowFactors(norm, start, end),
      ])
      const columns = columnsOf(source.shape)
      return values.map((value, i) => value * at(factors, Math.floor(i / columns)))
    },
  }
}

function foldedBias(weight: Weight, bias: Weight | undefined, norm: BatchNorm): Weight {
  return {
    name: weight.name.replace(/weight$/, 'bias'),
    dtype: norm.beta.dtype,
    shape: [rowsOf(weight.shape)],
    async readRows(start, end) {
      const [factors, beta, mean, before] = await Promise.all([
        rowFactors(norm, start, end),
        norm.beta.readRows(start, end),
        norm.mean.readRows(start, end),
        bias?.readRows(start, end),
      ])
      return beta.map((value, i) => {
        const shift = (before ? at(before, i) : 0) - at(mean, i)
        return value + shift * at(factors, i)
      })
    },
  }
}

/** gamma / sqrt(variance + epsilon) of channels [start, end), in double. */
async function rowFactors(norm: BatchNorm, start: number, end: number): Promise<Float64Array> {
  const [gamma, variance] = await Promise.all([
    norm.gamma.readRows(start, end),
    norm.variance.readRows(start, end),
  ])
  return Float64Array.from(gamma, (value, i) => value / Math.sqrt(at(variance, i) + norm.epsilon))
}

function at(values: Float32Array | Float64Array, index: number): number {
  return values[index] ?? NaN
}
