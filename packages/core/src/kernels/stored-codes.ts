import { requireFit } from './fit.ts'

/** How signed codes are stored: as `code + offset` in so many bits, unsigned unless the offset is 0. */
export type CodeStorage = { readonly offset: number; readonly bits: 4 | 8 }

/**
 * Signed codes as the bytes that are packed: `code + offset`; two's complement where the offset is 0.
 *
 * Throws `TypeError` for a code that has no place in the bits: a mistake in the program.
 */
export function storedCodes(
  out: Uint8Array,
  codes: Int8Array,
  { offset, bits }: CodeStorage,
): void {
  requireFit(out.length === codes.length, `${codes.length} codes into ${out.length} bytes`)
  const lowest = offset === 0 ? -(2 ** (bits - 1)) : 0
  let outside = 0
  for (let i = 0; i < codes.length; i++) {
    const stored = codes[i]! + offset
    out[i] = stored
    outside |= stored - lowest
  }
  // Whatever is below the lowest has its upper bits set, as what is above the highest has.
  if (outside >>> bits === 0) return
  const isOutside = (code: number): boolean => (code + offset - lowest) >>> bits !== 0
  throw new TypeError(`the code ${codes.find(isOutside)} is not stored in ${bits} bits`)
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
