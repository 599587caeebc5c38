// Twins of errorSums (src/kernels/error-sums.ts) and lookUp (src/kernels/look-up.ts).

/**
 * Adds to four sums of (x - y)^2, four of x^2 and four of the largest |x - y|, float64, by the place
 * modulo 4. Pairs that are not finite are left out. `count` is a multiple of 4; what pads it is NaN.
 */
export function errorSums(totals: usize, x: usize, y: usize, count: i32): void {
  const infinity = f64x2.splat(Infinity)
  let error0 = v128.load(totals)
  let error1 = v128.load(totals, 16)
  let signal0 = v128.load(totals, 32)
  let signal1 = v128.load(totals, 48)
  let largest0 = v128.load(totals, 64)
  let largest1 = v128.load(totals, 80)
  for (let i = 0; i < count; i += 4) {
    const a = v128.load(x)
    const b = v128.load(y)
    const x0 = f64x2.promote_low_f32x4(a)
    const x1 = f64x2.promote_low_f32x4(i8x16.shuffle(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
    const y0 = f64x2.promote_low_f32x4(b)
    const y1 = f64x2.promote_low_f32x4(i8x16.shuffle(b, b, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))
    const distance0 = f64x2.abs(f64x2.sub(x0, y0))
    const distance1 = f64x2.abs(f64x2.sub(x1, y1))
    const is0 = f64x2.lt(distance0, infinity)
    const is1 = f64x2.lt(distance1, infinity)
    const d0 = v128.and(distance0, is0)
    const d1 = v128.and(distance1, is1)
    const s0 = v128.and(x0, is0)
    const s1 = v128.and(x1, is1)
    error0 = f64x2.add(error0, f64x2.mul(d0, d0))
    error1 = f64x2.add(error1, f64x2.mul(d1, d1))
    signal0 = f64x2.add(signal0, f64x2.mul(s0, s0))
    signal1 = f64x2.add(signal1, f64x2.mul(s1, s1))
    largest0 = f64x2.pmax(largest0, d0)
    largest1 = f64x2.pmax(largest1, d1)
    x += 16
    y += 16
  }
  v128.store(totals, error0)
  v128.store(totals, error1, 16)
  v128.store(totals, signal0, 32)
  v128.store(totals, signal1, 48)
  v128.store(totals, largest0, 64)
  v128.store(totals, largest1, 80)
}

/** Writes the entry that each index names. `count` is rounded up to a multiple of 8. */
export function lookUp(out: usize, indices: usize, table: usize, count: i32): void {
  for (let i = 0; i < count; i += 8) {
    const eight = load<u64>(indices)
    store<f32>(out, load<f32>(table + (<usize>(eight & 255) << 2)))
    store<f32>(out, load<f32>(table + (<usize>((eight >> 8) & 255) << 2)), 4)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 16) & 255) << 2)), 8)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 24) & 255) << 2)), 12)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 32) & 255) << 2)), 16)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 40) & 255) << 2)), 20)
    store<f32>(out, load<f32>(table + (<usize>((eight >> 48) & 255) << 2)), 24)
    store<f32>(out, load<f32>(table + (<usize>(eight >> 56) << 2)), 28)
    indices += 8
    out += 32
  }
}
