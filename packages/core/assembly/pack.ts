// Twin of packNibbles in src/kernels/pack.ts. Codes past `count` must read as `-offset`, and
// buffers have room for a whole last vector.

/** Sixteen codes to eight bytes, one in each 16-bit lane. */
// @ts-ignore: decorator
@inline
function nibblePairs(codes: v128, offset: v128): v128 {
  const nibbles = v128.and(i8x16.add(codes, offset), i8x16.splat(15))
  return v128.and(v128.or(nibbles, i16x8.shr_u(nibbles, 4)), i16x8.splat(0xff))
}

export function packNibbles(out: usize, codes: usize, count: i32, offset: i32): void {
  const shift = i8x16.splat(<i8>offset)
  for (let i = 0; i < count; i += 32) {
    const low = nibblePairs(v128.load(codes), shift)
    const high = nibblePairs(v128.load(codes, 16), shift)
    v128.store(out, i8x16.narrow_i16x8_u(low, high))
    codes += 32
    out += 16
  }
}
