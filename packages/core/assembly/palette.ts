// Twins of src/kernels/distinct-values.ts, nearest-entries.ts and nearest-vectors.ts.
import { floatToHalf4 } from './convert'

/** Keys of finite halves lie between these two; LOWEST_KEY and HIGHEST_KEY of half-keys.ts. */
const LOWEST_KEY: i32 = 0x0400
const HIGHEST_KEY: i32 = 0xfc00
const KEYS: i32 = 65536

/** Keys that share a flag, 2^6. */
const FLAG_SHIFT: i32 = 6

/** The keys of four values times `factor`, one in each 32-bit lane. */
// @ts-ignore: decorator
@inline
function keys4(x: v128, factor: v128): v128 {
  const half = floatToHalf4(f32x4.mul(x, factor))
  const magnitude = v128.and(half, i32x4.splat(0x7fff))
  const sign = i32x4.shr_s(i32x4.shl(half, 16), 31)
  return i32x4.add(i32x4.splat(0x8000), i32x4.sub(v128.xor(magnitude, sign), sign))
}

// @ts-ignore: decorator
@inline
function addValue(weightOf: usize, sumOf: usize, flags: usize, key: i32, x: f32, weight: f64): void {
  const offset = <usize>key << 3
  store<f64>(weightOf + offset, load<f64>(weightOf + offset) + weight)
  store<f64>(sumOf + offset, load<f64>(sumOf + offset) + weight * <f64>x)
  store<u8>(flags + <usize>(key >> FLAG_SHIFT), 1)
}

/**
 * Adds values to the weight and sum of their keys and flags those. `count` is a multiple of 4,
 * what pads it is NaN. `weights` 0 means that all are 1.
 */
export function addDistinct(
  weightOf: usize,
  sumOf: usize,
  flags: usize,
  x: usize,
  weights: usize,
  count: i32,
  factor: f32,
): void {
  const factors = f32x4.splat(factor)
  for (let i = 0; i < count; i += 4) {
    const values = v128.load(x)
    const keys = keys4(values, factors)
    const weight = weights == 0 ? f32x4.splat(1) : v128.load(weights + (<usize>i << 2))
    addValue(weightOf, sumOf, flags, i32x4.extract_lane(keys, 0), f32x4.extract_lane(values, 0), <f64>f32x4.extract_lane(weight, 0))
    addValue(weightOf, sumOf, flags, i32x4.extract_lane(keys, 1), f32x4.extract_lane(values, 1), <f64>f32x4.extract_lane(weight, 1))
    addValue(weightOf, sumOf, flags, i32x4.extract_lane(keys, 2), f32x4.extract_lane(values, 2), <f64>f32x4.extract_lane(weight, 2))
    addValue(weightOf, sumOf, flags, i32x4.extract_lane(keys, 3), f32x4.extract_lane(values, 3), <f64>f32x4.extract_lane(weight, 3))
    x += 16
  }
}

/** Writes the finite keys that have a weight, ascending, and clears all; returns how many. */
export function gatherDistinct(
  keys: usize,
  weights: usize,
  sums: usize,
  weightOf: usize,
  sumOf: usize,
  flags: usize,
): i32 {
  let count = 0
  for (let group = 0; group < KEYS >> FLAG_SHIFT; group++) {
    if (load<u8>(flags + group) == 0) continue
    store<u8>(flags + group, 0)
    const first = group << FLAG_SHIFT
    for (let key = first; key < first + (1 << FLAG_SHIFT); key++) {
      const offset = <usize>key << 3
      const weight = load<f64>(weightOf + offset)
      if (weight > 0 && key > LOWEST_KEY && key < HIGHEST_KEY) {
        store<u16>(keys + (<usize>count << 1), <u16>key)
        store<f64>(weights + (<usize>count << 3), weight)
        store<f64>(sums + (<usize>count << 3), load<f64>(sumOf + offset))
        count++
      }
      store<f64>(weightOf + offset, 0)
      store<f64>(sumOf + offset, 0)
    }
  }
  return count
}

// @ts-ignore: decorator
@inline
function nearestEntry(bounds: usize, lowest: usize, key: i32, x: f32): u8 {
  let index: usize = load<u8>(lowest + key)
  while (x > load<f32>(bounds + (index << 2))) index++
  return <u8>index
}

/** Writes the index of each value. `count` is a multiple of 4. */
export function nearestEntries(
  indices: usize,
  x: usize,
  bounds: usize,
  lowest: usize,
  count: i32,
  factor: f32,
): void {
  const factors = f32x4.splat(factor)
  for (let i = 0; i < count; i += 4) {
    const values = v128.load(x)
    const keys = keys4(values, factors)
    store<u8>(indices, nearestEntry(bounds, lowest, i32x4.extract_lane(keys, 0), f32x4.extract_lane(values, 0)))
    store<u8>(indices, nearestEntry(bounds, lowest, i32x4.extract_lane(keys, 1), f32x4.extract_lane(values, 1)), 1)
    store<u8>(indices, nearestEntry(bounds, lowest, i32x4.extract_lane(keys, 2), f32x4.extract_lane(values, 2)), 2)
    store<u8>(indices, nearestEntry(bounds, lowest, i32x4.extract_lane(keys, 3), f32x4.extract_lane(values, 3)), 3)
    x += 16
    indices += 4
  }
}

/** The squared distances of four vectors to one entry. */
// @ts-ignore: decorator
@inline
function distances4(x: usize, entry: usize, size: i32, stride: usize): v128 {
  let distance = f32x4.splat(0)
  for (let c = 0; c < size; c++) {
    const difference = f32x4.sub(v128.load(x), v128.load32_splat(entry))
    distance = f32x4.add(distance, f32x4.mul(difference, difference))
    x += stride
    entry += 4
  }
  return distance
}

/** Writes the lowest byte of each 32-bit lane. */
// @ts-ignore: decorator
@inline
function storeBytes4(out: usize, x: v128): void {
  store<i32>(out, i32x4.extract_lane(i8x16.shuffle(x, x, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12), 0))
}

/**
 * Twin of nearestVectors (src/kernels/nearest-vectors.ts). Each row reads up to 3 values and writes
 * up to 3 indices past its end, which the next row overwrites.
 */
export function nearestVectors(
  indices: usize,
  x: usize,
  table: usize,
  entries: i32,
  size: i32,
  inner: i32,
  rows: i32,
): void {
  const stride = <usize>inner << 2
  for (let row = 0; row < rows; row++) {
    for (let r = 0; r < inner; r += 4) {
      const from = x + (<usize>r << 2)
      let smallest = f32x4.splat(<f32>Infinity)
      let best = i32x4.splat(0)
      let entry = table
      for (let e = 0; e < entries; e++) {
        const distance = distances4(from, entry, size, stride)
        const isNearer = f32x4.lt(distance, smallest)
        smallest = v128.bitselect(distance, smallest, isNearer)
        best = v128.bitselect(i32x4.splat(e), best, isNearer)
        entry += <usize>size << 2
      }
      storeBytes4(indices + r, best)
    }
    x += stride * size
    indices += inner
  }
}
