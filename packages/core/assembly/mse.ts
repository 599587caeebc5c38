// Twin of the symmetric search in src/kernels/mse-search.ts.
import { floatToHalf4, halfToFloat4 } from './convert'

/** Values whose errors are added in float32; SEGMENT_LENGTH of the reference. */
const SEGMENT_LENGTH: i32 = 4096

const MAX_HALF: f32 = 65504
/** 2^-24 */
const SMALLEST_HALF: f32 = 5.9604644775390625e-8
/** 2^-100; SMALLEST_SEARCHED of the reference. */
const SMALLEST_SEARCHED: f32 = 7.888609052210118e-31

/** Makes NaN and infinity 0, in place: such values have no error. */
export function clearNotFinite(x: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const values = v128.load(x)
    v128.store(x, v128.and(values, f32x4.lt(f32x4.abs(values), f32x4.splat(<f32>Infinity))))
    x += 16
  }
}

/** Weighted squared errors of four values, in units of the scale. */
// @ts-ignore: decorator
@inline
function errors4(x: v128, weights: v128, inverse: v128, low: v128, high: v128): v128 {
  const quotient = f32x4.mul(x, inverse)
  const limited = f32x4.pmax(f32x4.pmin(quotient, high), low)
  const error = f32x4.sub(quotient, f32x4.nearest(limited))
  return f32x4.mul(f32x4.mul(error, error), weights)
}

/** The sum over at most SEGMENT_LENGTH values: four lanes, (0 + 2) + (1 + 3). */
// @ts-ignore: decorator
@inline
function segmentError(x: usize, weights: usize, count: i32, inverse: v128, low: v128, high: v128): f32 {
  let lanes = f32x4.splat(0)
  const end = x + (<usize>(count & ~3) << 2)
  while (x < end) {
    lanes = f32x4.add(lanes, errors4(v128.load(x), v128.load(weights), inverse, low, high))
    x += 16
    weights += 16
  }
  const rest = count & 3
  if (rest > 0) {
    const errors = errors4(v128.load(x), v128.load(weights), inverse, low, high)
    lanes = f32x4.add(lanes, v128.and(errors, i32x4.gt_s(i32x4.splat(rest), i32x4(0, 1, 2, 3))))
  }
  const pairs = f32x4.add(lanes, i8x16.shuffle(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

/**
 * Adds the errors of one piece of a block to the float64 total of each candidate scale. A piece
 * that is not the last is whole segments long.
 */
export function addErrors(
  totals: usize,
  x: usize,
  weights: usize,
  count: i32,
  candidates: usize,
  candidateCount: i32,
  qmin: i32,
  qmax: i32,
): void {
  const low = f32x4.splat(<f32>qmin)
  const high = f32x4.splat(<f32>qmax)
  for (let candidate = 0; candidate < candidateCount; candidate++) {
    const inverse = f32x4.splat(<f32>1 / load<f32>(candidates))
    let total = load<f64>(totals)
    for (let start = 0; start < count; start += SEGMENT_LENGTH) {
      const offset = <usize>start << 2
      const length = min(SEGMENT_LENGTH, count - start)
      total += <f64>segmentError(x + offset, weights + offset, length, inverse, low, high)
    }
    store<f64>(totals, total)
    candidates += 4
    totals += 8
  }
}

/** The candidates of one block as they would be stored; a multiple of 4 of them. */
function writeCandidates(out: usize, fractions: usize, count: i32, plain: f32, isHalf: i32): void {
  const scale = f32x4.splat(plain)
  for (let i = 0; i < count; i += 4) {
    let wanted = f32x4.mul(scale, v128.load(fractions))
    if (isHalf) {
      wanted = f32x4.pmax(f32x4.splat(SMALLEST_HALF), f32x4.pmin(f32x4.splat(MAX_HALF), wanted))
      wanted = halfToFloat4(floatToHalf4(wanted))
    } else {
      wanted = f32x4.pmin(f32x4.splat(f32.MAX_VALUE), wanted)
    }
    v128.store(out, wanted)
    fractions += 16
    out += 16
  }
}

/** The first of the candidates with the smallest error. */
function bestCandidate(totals: usize, candidates: usize, count: i32): f32 {
  let best = load<f32>(candidates)
  let smallest: f64 = Infinity
  for (let i = 0; i < count; i++) {
    const scale = load<f32>(candidates)
    const error = load<f64>(totals) * <f64>scale * <f64>scale
    if (error < smallest) {
      smallest = error
      best = scale
    }
    candidates += 4
    totals += 8
  }
  return best
}

/**
 * Replaces the plain scale of each block by the best candidate; a tiny one stays as it is.
 * `totals` and `candidates` are room for one block's candidates.
 */
export function searchBlocks(
  scale: usize,
  x: usize,
  weights: usize,
  blockLength: i32,
  blocks: i32,
  fractions: usize,
  candidateCount: i32,
  candidates: usize,
  totals: usize,
  isHalf: i32,
  qmin: i32,
  qmax: i32,
): void {
  for (let block = 0; block < blocks; block++) {
    const plain = load<f32>(scale)
    if (plain >= SMALLEST_SEARCHED) {
      writeCandidates(candidates, fractions, candidateCount, plain, isHalf)
      memory.fill(totals, 0, candidateCount << 3)
      addErrors(totals, x, weights, blockLength, candidates, candidateCount, qmin, qmax)
      store<f32>(scale, bestCandidate(totals, candidates, candidateCount))
    }
    scale += 4
    x += <usize>blockLength << 2
    weights += <usize>blockLength << 2
  }
}
