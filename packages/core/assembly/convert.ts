// Twins of src/kernels/convert.ts. Buffers have room for a whole last vector.

/** Four halves (one in each 32-bit lane) to float32. */
// @ts-ignore: decorator
@inline
export function halfToFloat4(half: v128): v128 {
  // The exponent and fraction in their float32 places are 2^112 too small; NaN keeps its payload.
  const magnitude = i32x4.shl(v128.and(half, i32x4.splat(0x7fff)), 13)
  const scaled = f32x4.mul(magnitude, i32x4.splat(0x77800000))
  const isSpecial = i32x4.ge_s(magnitude, i32x4.splat(0x0f800000))
  const sign = i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16)
  return v128.or(v128.or(scaled, v128.and(isSpecial, i32x4.splat(0x7f800000))), sign)
}

/** Four float32 to halves (one in each 32-bit lane): ties to even, every NaN 0x7e00. */
// @ts-ignore: decorator
@inline
export function floatToHalf4(x: v128): v128 {
  const sign = v128.and(x, i32x4.splat(0x80000000))
  const magnitude = v128.xor(x, sign)
  // Below 2^-14: adding 0.5 leaves room for steps of 2^-24 only, so the processor rounds.
  const shift = i32x4.splat(0x3f000000)
  const subnormal = i32x4.sub(f32x4.add(magnitude, shift), shift)
  // Else: move the exponent, add just under half a step (half a step when odd), cut.
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1))
  const biased = i32x4.add(magnitude, i32x4.splat(0xc8000fff))
  const normal = i32x4.shr_u(i32x4.add(biased, odd), 13)
  const isSubnormal = i32x4.lt_s(magnitude, i32x4.splat(0x38800000))
  const finite = v128.bitselect(subnormal, normal, isSubnormal)
  const isBig = i32x4.ge_s(magnitude, i32x4.splat(0x47800000))
  const signed = v128.or(
    v128.bitselect(i32x4.splat(0x7c00), finite, isBig),
    i32x4.shr_u(sign, 16),
  )
  const isNaN = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000))
  return v128.bitselect(i32x4.splat(0x7e00), signed, isNaN)
}

/** Four float32 to the nearest halves, ties to even, as float32. */
// @ts-ignore: decorator
@inline
export function roundToHalf4(x: v128): v128 {
  const sign = v128.and(x, i32x4.splat(0x80000000))
  const magnitude = v128.xor(x, sign)
  // Below 2^-14: adding 0.5 leaves room for steps of 2^-24 only, so the processor rounds.
  const shift = f32x4.splat(0.5)
  const subnormal = f32x4.sub(f32x4.add(magnitude, shift), shift)
  // Else: add just under half a step (half a step when odd), cut.
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1))
  const biased = i32x4.add(i32x4.add(magnitude, i32x4.splat(0xfff)), odd)
  const normal = v128.and(biased, i32x4.splat(0xffffe000))
  const isSubnormal = i32x4.lt_s(magnitude, i32x4.splat(0x38800000))
  const finite = v128.bitselect(subnormal, normal, isSubnormal)
  const isBig = i32x4.ge_s(finite, i32x4.splat(0x47800000))
  const rounded = v128.bitselect(i32x4.splat(0x7f800000), finite, isBig)
  return v128.or(v128.or(rounded, sign), f32x4.ne(x, x))
}

export function halfToFloat(out: usize, bits: usize, count: i32): void {
  for (let i = 0; i < count; i += 8) {
    const halves = v128.load(bits)
    v128.store(out, halfToFloat4(i32x4.extend_low_i16x8_u(halves)))
    v128.store(out, halfToFloat4(i32x4.extend_high_i16x8_u(halves)), 16)
    bits += 16
    out += 32
  }
}

export function bfloat16ToFloat(out: usize, bits: usize, count: i32): void {
  for (let i = 0; i < count; i += 8) {
    const values = v128.load(bits)
    v128.store(out, i32x4.shl(i32x4.extend_low_i16x8_u(values), 16))
    v128.store(out, i32x4.shl(i32x4.extend_high_i16x8_u(values), 16), 16)
    bits += 16
    out += 32
  }
}

export function floatToHalf(out: usize, x: usize, count: i32): void {
  for (let i = 0; i < count; i += 8) {
    const low = floatToHalf4(v128.load(x))
    const high = floatToHalf4(v128.load(x, 16))
    v128.store(out, i16x8.narrow_i32x4_u(low, high))
    x += 32
    out += 16
  }
}
