// Twin of scanValues in src/kernels/scan.ts.

/** Length of the runs whose largest magnitude is looked at; GROUP_LENGTH of the reference. */
const RUN: i32 = 16

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

// @ts-ignore: decorator
@inline
function least4(x: v128): f32 {
  const pairs = f32x4.pmin(x, swapPairs(x))
  return f32x4.extract_lane(f32x4.pmin(pairs, swapNeighbours(pairs)), 0)
}

/** The largest lane in each lane. */
// @ts-ignore: decorator
@inline
function largest4(x: v128): v128 {
  const pairs = f32x4.pmax(x, swapPairs(x))
  return f32x4.pmax(pairs, swapNeighbours(pairs))
}

/**
 * Adds whole rows to `totals`: four float64 sums of values and four of their squares, by the place
 * in the row modulo 4; then float32 smallest value, largest value and smallest largest magnitude of
 * a run. After them it writes how many of these values are 0 and how many are finite, int32.
 * Reads up to 12 bytes past the end.
 */
export function scanRows(totals: usize, x: usize, cols: i32, rows: i32): void {
  const infinity = f32x4.splat(<f32>Infinity)
  const minusInfinity = f32x4.splat(-<f32>Infinity)
  const zero = f32x4.splat(0)
  let sum0 = v128.load(totals)
  let sum1 = v128.load(totals, 16)
  let square0 = v128.load(totals, 32)
  let square1 = v128.load(totals, 48)
  let low = f32x4.splat(load<f32>(totals, 64))
  let high = f32x4.splat(load<f32>(totals, 68))
  let smallest = f32x4.splat(load<f32>(totals, 72))
  let zeros = i32x4.splat(0)
  let finite = i32x4.splat(0)
  for (let row = 0; row < rows; row++) {
    let left = cols
    while (left > 0) {
      // What is left of a row joins its last run.
      let inRun = left < 2 * RUN ? left : RUN
      left -= inRun
      let largest = zero
      while (inRun > 0) {
        let value = v128.load(x)
        if (inRun < 4) {
          const isThere = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(inRun))
          value = v128.bitselect(value, infinity, isThere)
        }
        const magnitude = f32x4.abs(value)
        const isFinite = f32x4.lt(magnitude, infinity)
        finite = i32x4.sub(finite, isFinite)
        zeros = i32x4.sub(zeros, f32x4.eq(value, zero))
        low = f32x4.pmin(low, v128.bitselect(value, infinity, isFinite))
        high = f32x4.pmax(high, v128.bitselect(value, minusInfinity, isFinite))
        largest = f32x4.pmax(largest, v128.and(magnitude, isFinite))
        const counted = v128.and(value, isFinite)
        const first = f64x2.promote_low_f32x4(counted)
        const second = f64x2.promote_low_f32x4(swapPairs(counted))
        sum0 = f64x2.add(sum0, first)
        sum1 = f64x2.add(sum1, second)
        square0 = f64x2.add(square0, f64x2.mul(first, first))
        square1 = f64x2.add(square1, f64x2.mul(second, second))
        const step = inRun < 4 ? inRun : 4
        x += <usize>step << 2
        inRun -= step
      }
      const ofRun = largest4(largest)
      smallest = f32x4.pmin(smallest, v128.bitselect(ofRun, infinity, f32x4.gt(ofRun, zero)))
    }
  }
  v128.store(totals, sum0)
  v128.store(totals, sum1, 16)
  v128.store(totals, square0, 32)
  v128.store(totals, square1, 48)
  store<f32>(totals, least4(low), 64)
  store<f32>(totals, f32x4.extract_lane(largest4(high), 0), 68)
  store<f32>(totals, f32x4.extract_lane(smallest, 0), 72)
  store<i32>(totals, sum4(zeros), 76)
  store<i32>(totals, sum4(finite), 80)
}
