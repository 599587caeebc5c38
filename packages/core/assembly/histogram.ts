// Twins of the loops in src/kernels/histogram.ts.

/** The last bin on each side of zero; HALF_BINS - 1 of the reference. */
const LAST_BIN: i32 = 4095

// @ts-ignore: decorator
@inline
function isFinite4(x: v128): v128 {
  return f32x4.lt(f32x4.abs(x), f32x4.splat(<f32>Infinity))
}

/** Lanes 2, 3, 0, 1. */
// @ts-ignore: decorator
@inline
function swapPairs(x: v128): v128 {
  return i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
}

/** Lanes 1, 0, 3, 2. */
// @ts-ignore: decorator
@inline
function swapNeighbours(x: v128): v128 {
  return i8x16.shuffle(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)
}

// @ts-ignore: decorator
@inline
function sum4(x: v128): i32 {
  const pairs = i32x4.add(x, swapPairs(x))
  return i32x4.extract_lane(i32x4.add(pairs, swapNeighbours(pairs)), 0)
}

/**
 * Writes smallest and largest finite value (float32), zeros and finite values (int32). `count` is
 * a multiple of 8; what pads it is NaN.
 */
export function valueEnds(out: usize, x: usize, count: i32): void {
  const infinity = f32x4.splat(<f32>Infinity)
  const minusInfinity = f32x4.splat(-<f32>Infinity)
  let low0 = infinity
  let low1 = infinity
  let high0 = minusInfinity
  let high1 = minusInfinity
  let zeros = i32x4.splat(0)
  let finite = i32x4.splat(0)
  const end = x + (<usize>count << 2)
  while (x < end) {
    const a = v128.load(x)
    const b = v128.load(x, 16)
    const isA = isFinite4(a)
    const isB = isFinite4(b)
    low0 = f32x4.pmin(low0, v128.bitselect(a, infinity, isA))
    low1 = f32x4.pmin(low1, v128.bitselect(b, infinity, isB))
    high0 = f32x4.pmax(high0, v128.bitselect(a, minusInfinity, isA))
    high1 = f32x4.pmax(high1, v128.bitselect(b, minusInfinity, isB))
    // A mask is -1 in each lane that it holds for.
    finite = i32x4.sub(i32x4.sub(finite, isA), isB)
    const zero = f32x4.splat(0)
    zeros = i32x4.sub(i32x4.sub(zeros, f32x4.eq(a, zero)), f32x4.eq(b, zero))
    x += 32
  }
  low0 = f32x4.pmin(low0, low1)
  low0 = f32x4.pmin(low0, swapPairs(low0))
  low0 = f32x4.pmin(low0, swapNeighbours(low0))
  high0 = f32x4.pmax(high0, high1)
  high0 = f32x4.pmax(high0, swapPairs(high0))
  high0 = f32x4.pmax(high0, swapNeighbours(high0))
  store<f32>(out, f32x4.extract_lane(low0, 0))
  store<f32>(out, f32x4.extract_lane(high0, 0), 4)
  store<i32>(out, sum4(zeros), 8)
  store<i32>(out, sum4(finite), 12)
}

// @ts-ignore: decorator
@inline
function increment(address: usize): void {
  store<u32>(address, load<u32>(address) + 1)
}

/**
 * Counts values in bins of 1 / `binsPerUnit`. A bin has four counters, one a lane, so that equal
 * values in a row do not wait for each other. Zeros and what is not finite count in bin 0.
 *
 * @param zeroBin - address of the counters of bin 0
 * @param count - a multiple of 8
 */
export function countBins(zeroBin: usize, x: usize, count: i32, binsPerUnit: f32): void {
  const factor = f32x4.splat(binsPerUnit)
  const last = i32x4.splat(LAST_BIN)
  const end = x + (<usize>count << 2)
  while (x < end) {
    const loaded = v128.load(x)
    const values = v128.and(loaded, isFinite4(loaded))
    const magnitude = i32x4.trunc_sat_f32x4_s(f32x4.mul(f32x4.abs(values), factor))
    const bin = v128.xor(i32x4.min_s(magnitude, last), f32x4.lt(values, f32x4.splat(0)))
    const offset = i32x4.shl(bin, 4)
    increment(zeroBin + <usize>i32x4.extract_lane(offset, 0))
    increment(zeroBin + <usize>i32x4.extract_lane(offset, 1) + 4)
    increment(zeroBin + <usize>i32x4.extract_lane(offset, 2) + 8)
    increment(zeroBin + <usize>i32x4.extract_lane(offset, 3) + 12)
    x += 16
  }
}
