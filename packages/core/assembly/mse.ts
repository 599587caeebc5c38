// Twin of the symmetric search in src/kernels/mse-search.ts.
import { roundToHalf4 } from './convert'

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

/** What a loop over values does; constant in each copy of it. */
const LIMITED: i32 = 1
const WEIGHTED: i32 = 2

/** Squared errors of four values, in units of the scale; weighted and limited where `kind` says so. */
// @ts-ignore: decorator
@inline
function errors4(x: v128, weights: v128, inverse: v128, low: v128, high: v128, kind: i32): v128 {
  const quotient = f32x4.mul(x, inverse)
  const limited = kind & LIMITED ? f32x4.pmax(f32x4.pmin(quotient, high), low) : quotient
  const error = f32x4.sub(quotient, f32x4.nearest(limited))
  const squared = f32x4.mul(error, error)
  return kind & WEIGHTED ? f32x4.mul(squared, weights) : squared
}

/** The value of one lane in every lane. */
// @ts-ignore: decorator
@inline
function splatLane0(x: v128): v128 {
  return i8x16.shuffle(x, x, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3)
}

/**
 * The sums over at most SEGMENT_LENGTH values for four candidates, one in each lane. The sum of a
 * candidate is over four lanes of its own, (0 + 2) + (1 + 3).
 */
// @ts-ignore: decorator
@inline
function segmentErrors(x: usize, weights: usize, count: i32, inverse: v128, low: v128, high: v128, kind: i32): v128 {
  const inverse0 = splatLane0(inverse)
  const inverse1 = i8x16.shuffle(inverse, inverse, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7)
  const inverse2 = i8x16.shuffle(inverse, inverse, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11)
  const inverse3 = i8x16.shuffle(inverse, inverse, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15)
  let sum0 = f32x4.splat(0)
  let sum1 = sum0
  let sum2 = sum0
  let sum3 = sum0
  const end = x + (<usize>(count & ~3) << 2)
  while (x < end) {
    const values = v128.load(x)
    const weight = kind & WEIGHTED ? v128.load(weights) : values
    sum0 = f32x4.add(sum0, errors4(values, weight, inverse0, low, high, kind))
    sum1 = f32x4.add(sum1, errors4(values, weight, inverse1, low, high, kind))
    sum2 = f32x4.add(sum2, errors4(values, weight, inverse2, low, high, kind))
    sum3 = f32x4.add(sum3, errors4(values, weight, inverse3, low, high, kind))
    x += 16
    weights += 16
  }
  const rest = count & 3
  if (rest > 0) {
    const values = v128.load(x)
    const weight = kind & WEIGHTED ? v128.load(weights) : values
    const isValue = i32x4.gt_s(i32x4.splat(rest), i32x4(0, 1, 2, 3))
    sum0 = f32x4.add(sum0, v128.and(errors4(values, weight, inverse0, low, high, kind), isValue))
    sum1 = f32x4.add(sum1, v128.and(errors4(values, weight, inverse1, low, high, kind), isValue))
    sum2 = f32x4.add(sum2, v128.and(errors4(values, weight, inverse2, low, high, kind), isValue))
    sum3 = f32x4.add(sum3, v128.and(errors4(values, weight, inverse3, low, high, kind), isValue))
  }
  // Lanes (0 + 2, 1 + 3) of two candidates side by side, then their sums of all four.
  const pairs01 = f32x4.add(
    i8x16.shuffle(sum0, sum1, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
    i8x16.shuffle(sum0, sum1, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
  )
  const pairs23 = f32x4.add(
    i8x16.shuffle(sum2, sum3, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
    i8x16.shuffle(sum2, sum3, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
  )
  return f32x4.add(
    i8x16.shuffle(pairs01, pairs23, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27),
    i8x16.shuffle(pairs01, pairs23, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31),
  )
}

/** Adds the errors of a piece to the totals of four candidates. */
// @ts-ignore: decorator
@inline
function addFour(
  totals: usize,
  x: usize,
  weights: usize,
  count: i32,
  scales: v128,
  low: v128,
  high: v128,
  kind: i32,
): void {
  const inverse = f32x4.div(f32x4.splat(1), scales)
  let total01 = v128.load(totals)
  let total23 = v128.load(totals, 16)
  for (let start = 0; start < count; start += SEGMENT_LENGTH) {
    const offset = <usize>start << 2
    const length = min(SEGMENT_LENGTH, count - start)
    const errors = segmentErrors(x + offset, weights + offset, length, inverse, low, high, kind)
    const upper = i8x16.shuffle(errors, errors, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
    total01 = f64x2.add(total01, f64x2.promote_low_f32x4(errors))
    total23 = f64x2.add(total23, f64x2.promote_low_f32x4(upper))
  }
  v128.store(totals, total01)
  v128.store(totals, total23, 16)
}

/**
 * Whether a code may lie outside the range with one of four scales: values lie in the range of `plain`, and
 * a scale that is hardly smaller leaves them within half a step of it. The margin of 2^-13 is for the
 * roundings of scale, inverse and quotient.
 */
// @ts-ignore: decorator
@inline
function leavesRange(scales: v128, plain: f32, qmin: i32, qmax: i32): bool {
  const most = <f32>max(-qmin, qmax)
  const covered = f32x4.mul(f32x4.abs(scales), f32x4.splat(most + 0.5))
  const wanted = f32x4.splat(abs(plain) * (most * 1.0001220703125))
  return v128.any_true(f32x4.le(covered, wanted))
}

/**
 * Adds the errors of one piece of a block to the float64 total of each candidate scale, of which
 * there are a multiple of 4. A piece that is not the last is whole segments long. `plain` is the scale
 * that clips nothing; no `weights` (0) are all 1.
 */
export function addErrors(
  totals: usize,
  x: usize,
  weights: usize,
  count: i32,
  candidates: usize,
  candidateCount: i32,
  plain: f32,
  qmin: i32,
  qmax: i32,
): void {
  const low = f32x4.splat(<f32>qmin)
  const high = f32x4.splat(<f32>qmax)
  for (let candidate = 0; candidate < candidateCount; candidate += 4) {
    const scales = v128.load(candidates)
    const isLimited = leavesRange(scales, plain, qmin, qmax)
    if (weights != 0) {
      if (isLimited) addFour(totals, x, weights, count, scales, low, high, LIMITED | WEIGHTED)
      else addFour(totals, x, weights, count, scales, low, high, WEIGHTED)
    } else if (isLimited) addFour(totals, x, x, count, scales, low, high, LIMITED)
    else addFour(totals, x, x, count, scales, low, high, 0)
    candidates += 16
    totals += 32
  }
}

/** The candidates of one block as they would be stored, with the sign of `plain`; a multiple of 4. */
function writeCandidates(out: usize, fractions: usize, count: i32, plain: f32, isHalf: i32): void {
  const scale = f32x4.splat(abs(plain))
  const sign = v128.and(f32x4.splat(plain), f32x4.splat(-0.0))
  for (let i = 0; i < count; i += 4) {
    let wanted = f32x4.mul(scale, v128.load(fractions))
    if (isHalf) {
      wanted = f32x4.pmax(f32x4.splat(SMALLEST_HALF), f32x4.pmin(f32x4.splat(MAX_HALF), wanted))
      wanted = roundToHalf4(wanted)
    } else {
      wanted = f32x4.pmin(f32x4.splat(f32.MAX_VALUE), wanted)
    }
    v128.store(out, v128.or(wanted, sign))
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
 * `totals` and `candidates` are room for one block's candidates; no `weights` (0) are all 1.
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
    if (abs(plain) >= SMALLEST_SEARCHED) {
      writeCandidates(candidates, fractions, candidateCount, plain, isHalf)
      for (let i = 0; i < candidateCount; i += 2) v128.store(totals + (i << 3), i64x2.splat(0))
      addErrors(totals, x, weights, blockLength, candidates, candidateCount, plain, qmin, qmax)
      store<f32>(scale, bestCandidate(totals, candidates, candidateCount))
    }
    scale += 4
    x += <usize>blockLength << 2
    if (weights != 0) weights += <usize>blockLength << 2
  }
}
