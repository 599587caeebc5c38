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

/** The lowest `bits` of every lane of `width` bits. */
// @ts-ignore: decorator
@inline
function lowBits(bits: i32, width: i32): v128 {
  let mask: u64 = ((<u64>1) << bits) - 1
  if (width < 64) mask |= mask << width
  if (width < 32) mask |= mask << (2 * width)
  if (width < 16) mask |= mask << (4 * width)
  return i64x2.splat(mask)
}

/** Keeps the bits of `low` and moves all others of `x` down. */
// @ts-ignore: decorator
@inline
function closeUp(x: v128, low: v128, shift: i32): v128 {
  const kept = v128.and(x, low)
  return v128.or(kept, i64x2.shr_u(v128.xor(x, kept), shift))
}

/** Keeps the bits of `low` and moves all others of `x` up. */
// @ts-ignore: decorator
@inline
function spread(x: v128, low: v128, shift: i32): v128 {
  const kept = v128.and(x, low)
  return v128.or(kept, i64x2.shl(v128.xor(x, kept), shift))
}

/**
 * Twin of packBits (src/kernels/bit-stream.ts) for fewer than 8 bits. Reads and writes up to 15
 * bytes past the end; what pads the values must be 0.
 */
export function packBits(out: usize, values: usize, count: i32, bits: i32): void {
  const gap = 8 - bits
  const all = lowBits(bits, 8)
  const ones = lowBits(bits, 16)
  const twos = lowBits(2 * bits, 32)
  const fours = lowBits(4 * bits, 64)
  for (let i = 0; i < count; i += 16) {
    // Neighbours close up to pairs, fours and eights: the lowest `bits` bytes of each lane.
    let x = v128.and(v128.load(values), all)
    x = closeUp(x, ones, gap)
    x = closeUp(x, twos, 2 * gap)
    x = closeUp(x, fours, 4 * gap)
    // What a lane writes beyond its own bytes, the next one overwrites.
    store<i64>(out, i64x2.extract_lane(x, 0))
    store<i64>(out + bits, i64x2.extract_lane(x, 1))
    values += 16
    out += 2 * bits
  }
}

/** Twin of unpackBits for fewer than 8 bits. Reads and writes up to 15 bytes past the end. */
export function unpackBits(values: usize, packed: usize, count: i32, bits: i32): void {
  const gap = 8 - bits
  const ones = lowBits(bits, 16)
  const twos = lowBits(2 * bits, 32)
  const fours = lowBits(4 * bits, 64)
  const eights = i64x2.splat(((<i64>1) << (8 * bits)) - 1)
  for (let i = 0; i < count; i += 16) {
    let x = i64x2.replace_lane(i64x2.splat(load<i64>(packed)), 1, load<i64>(packed + bits))
    x = spread(v128.and(x, eights), fours, 4 * gap)
    x = spread(x, twos, 2 * gap)
    x = spread(x, ones, gap)
    v128.store(values, x)
    packed += 2 * bits
    values += 16
  }
}
