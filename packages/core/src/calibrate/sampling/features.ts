import type { RuntimeTensor } from '../../base/host.ts'
import { toFloat32 } from '../../tasks/cast-tensor.ts'

/**
 * Most numbers that stand for one sample. With 256, shortening changes a distance by about 4 % (the
 * standard deviation of its square is sqrt(2 / 256) of it), and 100,000 samples take 100 MB.
 */
export const MOST_FEATURES = 256

/**
 * The mean of a tensor over the axes that count samples, tokens or anything else of open length: the
 * first, and each whose size is not a number. What is left has one length for every sample.
 *
 * @param sizes - the shape as the graph declares it; null: only the last axis is kept
 * @returns float32, shape (kept axes), row-major; values that are not finite count as 0
 */
export function poolOpenAxes(
  tensor: RuntimeTensor,
  sizes: readonly (number | string)[] | null,
): Float32Array {
  const { shape } = tensor
  const last = shape.length - 1
  const isKept = shape.map((_, axis) =>
    sizes === null || sizes.length !== shape.length
      ? axis === last
      : axis > 0 && isFixed(sizes[axis]),
  )
  const kept = shape.reduce(
    (product, size, axis) => (isKept[axis] === true ? product * size : product),
    1,
  )
  const values = toFloat32(tensor)
  const sums = new Float64Array(kept)
  const share = kept / Math.max(1, values.length)
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!
    if (!Number.isFinite(value)) continue
    const place = keptPlace(index, shape, isKept)
    sums[place] = sums[place]! + value * share
  }
  return Float32Array.from(sums)
}

function isFixed(size: number | string | undefined): boolean {
  return typeof size === 'number' && size >= 0
}

/** Where an element lies among the kept axes. */
function keptPlace(index: number, shape: readonly number[], isKept: readonly boolean[]): number {
  let place = 0
  let step = 1
  let rest = index
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!
    if (isKept[axis]!) {
      place += (rest % size) * step
      step *= size
    }
    rest = Math.floor(rest / size)
  }
  return place
}

/**
 * A long vector as one of `MOST_FEATURES` numbers whose distances are about the same: each value is
 * added, with a random sign, to a random place (a count sketch). Shorter vectors stay as they are.
 *
 * @param seed - decides signs and places
 * @see Weinberger et al., Feature Hashing for Large Scale Multitask Learning (2009),
 *   https://arxiv.org/abs/0902.2206
 */
export function sketch(values: Float32Array, seed: number): Float32Array {
  if (values.length <= MOST_FEATURES) return values
  const sums = new Float64Array(MOST_FEATURES)
  for (let index = 0; index < values.length; index++) {
    const hash = mixed(index, seed)
    const place = hash % MOST_FEATURES
    const value = values[index]!
    sums[place] = sums[place]! + (hash >>> 31 === 0 ? value : -value)
  }
  return Float32Array.from(sums)
}

/**
 * 32 bits that look random: the last step of MurmurHash3.
 *
 * @see https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
 */
function mixed(index: number, seed: number): number {
  let bits = (index + Math.imul(seed, 0x9e3779b1)) >>> 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
