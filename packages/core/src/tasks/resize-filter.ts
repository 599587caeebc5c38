/** Names of Pillow's filters. */
export const RESIZE_FILTERS = [
  'nearest',
  'box',
  'bilinear',
  'hamming',
  'bicubic',
  'lanczos',
] as const

export type ResizeFilter = (typeof RESIZE_FILTERS)[number]

/** A filter with weights; `nearest` has none. */
export type WeightedFilter = Exclude<ResizeFilter, 'nearest'>

/** For each output position the input positions that it is made of, and their weights. */
export type Taps = {
  /** First input position, shape (outputs). */
  readonly first: Int32Array
  /** Number of input positions, shape (outputs). */
  readonly count: Int32Array
  /** In units of 2^-22, shape (outputs, stride); only the first `count` of a row are used. */
  readonly weights: Int32Array
  readonly stride: number
}

type Kernel = {
  /** Half of the width, in input pixels when nothing shrinks. */
  readonly support: number
  readonly weight: (x: number) => number
}

/** Bits after the binary point of a weight: 32 - 8 (a pixel) - 2 (sums below 0 and above 1). */
export const WEIGHT_BITS = 22

/** Pillow computes Hamming's two constants in single precision. */
const HAMMING_A = Math.fround(0.54)
const HAMMING_B = Math.fround(0.46)

const KERNELS: Readonly<Record<WeightedFilter, Kernel>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: (x) => bicubic(Math.abs(x)) },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

/**
 * The weights by which one axis of a picture is resized, as Pillow makes them: when it shrinks, the
 * filter is stretched by the same factor (this is what makes it anti-aliased), weights are cut at
 * the border, made to add up to 1 and rounded to 22 bits.
 *
 * @see https://github.com/python-pillow/Pillow/blob/12.0.0/src/libImaging/Resample.c,
 * `precompute_coeffs` and `normalize_coeffs_8bpc`
 */
export function resizeTaps(inputs: number, outputs: number, filter: WeightedFilter): Taps {
  const kernel = KERNELS[filter]
  const scale = inputs / outputs
  const stretch = Math.max(1, scale)
  const support = kernel.support * stretch
  const stride = Math.ceil(support) * 2 + 1
  const first = new Int32Array(outputs)
  const count = new Int32Array(outputs)
  const weights = new Int32Array(outputs * stride)
  for (let output = 0; output < outputs; output++) {
    const center = (output + 0.5) * scale
    const start = Math.max(0, Math.trunc(center - support + 0.5))
    const end = Math.min(inputs, Math.trunc(center + support + 0.5))
    first[output] = start
    count[output] = end - start
    const row = new Float64Array(end - start)
    const inverse = 1 / stretch
    for (let i = 0; i < row.length; i++) {
      row[i] = kernel.weight((i + start - center + 0.5) * inverse)
    }
    weights.set(toFixedPoint(row), output * stride)
  }
  return { first, count, weights, stride }
}

function toFixedPoint(row: Float64Array): Int32Array {
  const total = row.reduce((sum, weight) => sum + weight, 0)
  return Int32Array.from(row, (weight) => {
    const scaled = (total === 0 ? weight : weight / total) * 2 ** WEIGHT_BITS
    return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
  })
}

/** Cubic convolution with a = -0.5. */
function bicubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5
  return 0
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI)
}

function hamming(x: number): number {
  const distance = Math.abs(x)
  if (distance >= 1) return 0
  return sinc(distance) * (HAMMING_A + HAMMING_B * Math.cos(distance * Math.PI))
}
