import { requireFit } from './fit.ts'
import type { Kernels } from './kernels.ts'

/** How signed codes are stored: as `code + offset` in so many bits, unsigned unless the offset is 0. */
export type CodeStorage = { readonly bits: 4 | 8; readonly offset: 0 | 8 | 127 | 128 }

/**
 * Signed codes, packed as they are stored: `code + offset`; two's complement where the offset is 0.
 * The bytes may be those of the codes.
 *
 * Throws `TypeError` for a code that has no place in the bits: a mistake in the program.
 */
export function storedCodes(
  kernels: Pick<Kernels, 'packNibbles'>,
  codes: Int8Array,
  { bits, offset }: CodeStorage,
): Uint8Array {
  if (bits === 8 && offset === 0)
    return new Uint8Array(codes.buffer, codes.byteOffset, codes.length)
  requireCodes(codes, bits, offset === 0 ? 2 ** (bits - 1) : offset)
  if (bits === 4) {
    const packed = new Uint8Array((codes.length + 1) >> 1)
    kernels.packNibbles(packed, codes, offset === 0 ? 0 : 8)
    return packed
  }
  const bytes = new Uint8Array(codes.length)
  for (let i = 0; i < codes.length; i++) bytes[i] = codes[i]! + offset
  return bytes
}

/** Throws unless all of `code + shift` are unsigned numbers of so many bits. */
function requireCodes(codes: Int8Array, bits: number, shift: number): void {
  if (bits === 4 ? areNibbles(codes) : areBytes(codes, shift)) return
  const outside = codes.find((code) => (code + shift) >>> bits !== 0)
  throw new TypeError(`the code ${outside} is not stored in ${bits} bits`)
}

function areBytes(codes: Int8Array, shift: number): boolean {
  let found = 0
  // What is below 0 has its upper bits set, as what is above 255 has.
  for (let i = 0; i < codes.length; i++) found |= codes[i]! + shift
  return found >>> 8 === 0
}

/** Whether all codes are from -8 to 7; four at once, where they lie as words. */
function areNibbles(codes: Int8Array): boolean {
  const isAligned = codes.byteOffset % 4 === 0
  const words = isAligned ? codes.length >> 2 : 0
  const four = isAligned ? new Int32Array(codes.buffer, codes.byteOffset, words) : []
  let found = 0
  for (let i = 0; i < words; i++) {
    const word = four[i]!
    // Adds 8 to each byte without a carry into the next: the upper bits are added apart.
    found |= ((word & 0x7f7f7f7f) + 0x08080808) ^ (word & 0x80808080)
  }
  for (let i = 4 * words; i < codes.length; i++) found |= (codes[i]! + 8) & 0xff
  return (found & 0xf0f0f0f0) === 0
}

/** The values that a mask keeps, in their order. */
export function keptValues(values: Float32Array, mask: Uint8Array): Float32Array
export function keptValues(values: Int8Array, mask: Uint8Array): Int8Array
export function keptValues(values: Uint8Array, mask: Uint8Array): Uint8Array
export function keptValues(
  values: Float32Array | Int8Array | Uint8Array,
  mask: Uint8Array,
): Float32Array | Int8Array | Uint8Array {
  requireFit(values.length === mask.length, `${values.length} values, ${mask.length} mask bytes`)
  const kept = countKept(mask)
  if (values instanceof Float32Array) {
    const out = new Float32Array(kept)
    keepValues(out, values, mask)
    return out
  }
  const out = values instanceof Int8Array ? new Int8Array(kept) : new Uint8Array(kept)
  keepBytes(out, values, mask)
  return out
}

/** What is not kept is written over by what is; without a branch, which would be mispredicted. */
function keepValues(out: Float32Array, values: Float32Array, mask: Uint8Array): void {
  let at = 0
  for (let i = 0; at < out.length; i++) {
    out[at] = values[i]!
    at += +(mask[i] !== 0)
  }
}

function keepBytes(
  out: Int8Array | Uint8Array,
  values: Int8Array | Uint8Array,
  mask: Uint8Array,
): void {
  let at = 0
  for (let i = 0; at < out.length; i++) {
    out[at] = values[i]!
    at += +(mask[i] !== 0)
  }
}

/** How many values a mask keeps. */
export function countKept(mask: Uint8Array): number {
  let count = 0
  for (let i = 0; i < mask.length; i++) count += +(mask[i] !== 0)
  return count
}
