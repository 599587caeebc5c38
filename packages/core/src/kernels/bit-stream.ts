import type { PaletteBits } from '../scheme/scheme.ts'
import { requireFit } from './fit.ts'

/** Bytes of `count` values of `bits` bits each, packed without gaps. */
export function packedBytes(count: number, bits: PaletteBits): number {
  return Math.ceil((count * bits) / 8)
}

/**
 * Packs values into a stream of bits without gaps, the lowest bit first: value i takes the bits
 * from `i * bits` on, also across bytes. What a last byte lacks is 0. Bits of a value above the
 * lowest `bits` are dropped, so that signed codes are stored as two's complement.
 *
 * Eight values are `bits` whole bytes: parts of a stream can be packed apart when each but the last
 * has a multiple of 8 values; `bitStream` joins parts of any length.
 *
 * @param out - uint8, ceil(values * bits / 8) bytes
 * @see https://github.com/apple/coremltools mlmodel/src/MILBlob/SubByteTypes.cpp
 */
export function packBits(out: Uint8Array, values: Uint8Array, bits: PaletteBits): void {
  requirePacked(out.length, values.length, bits)
  const mask = (1 << bits) - 1
  let pending = 0
  let pendingBits = 0
  let at = 0
  for (const value of values) {
    pending |= (value & mask) << pendingBits
    pendingBits += bits
    if (pendingBits < 8) continue
    out[at++] = pending
    pending >>>= 8
    pendingBits -= 8
  }
  if (pendingBits > 0) out[at] = pending
}

/** Undoes `packBits`: unsigned values, one a byte. */
export function unpackBits(values: Uint8Array, packed: Uint8Array, bits: PaletteBits): void {
  requirePacked(packed.length, values.length, bits)
  const mask = (1 << bits) - 1
  let pending = 0
  let pendingBits = 0
  let at = 0
  for (let i = 0; i < values.length; i++) {
    if (pendingBits < bits) {
      pending |= packed[at++]! << pendingBits
      pendingBits += 8
    }
    values[i] = pending & mask
    pending >>>= bits
    pendingBits -= bits
  }
}

/** Parts of a stream of bits, put together one after another. */
export type BitStream = {
  /**
   * Adds the first `bitCount` bits of `packed`, lowest first, and gives the bytes that are now
   * whole. The result may be `packed` itself.
   */
  readonly append: (packed: Uint8Array, bitCount: number) => Uint8Array
  /** The last byte, filled up with 0, or none. The stream is empty afterwards. */
  readonly end: () => Uint8Array
}

/** Joins packed parts whose lengths need not be whole bytes. */
export function bitStream(): BitStream {
  let pending = 0
  let pendingBits = 0
  return {
    append(packed, bitCount) {
      requireFit(
        packed.length === Math.ceil(bitCount / 8),
        `${bitCount} bits in ${packed.length} bytes`,
      )
      const total = pendingBits + bitCount
      const whole = Math.floor(total / 8)
      const out = pendingBits === 0 ? packed.subarray(0, whole) : new Uint8Array(whole)
      if (pendingBits === 0) {
        pending = total % 8 === 0 ? 0 : packed[whole]! & ((1 << (total % 8)) - 1)
      } else {
        pending = shiftInto(out, packed, pending, pendingBits) & ((1 << (total % 8)) - 1)
      }
      pendingBits = total % 8
      return out
    },
    end() {
      const last = pendingBits === 0 ? new Uint8Array(0) : Uint8Array.of(pending)
      pending = 0
      pendingBits = 0
      return last
    },
  }
}

/** Writes `shift` pending bits and then `packed`; returns the bits that did not fill a byte. */
function shiftInto(out: Uint8Array, packed: Uint8Array, pending: number, shift: number): number {
  let carried = pending
  for (let i = 0; i < out.length; i++) {
    // The last byte may be full of what was pending and a few bits of the last of `packed`.
    carried |= (packed[i] ?? 0) << shift
    out[i] = carried
    carried >>>= 8
  }
  return out.length < packed.length ? carried | (packed[out.length]! << shift) : carried
}

/** Throws unless the bytes are as many as the values need. */
export function requirePacked(bytes: number, count: number, bits: PaletteBits): void {
  requireFit(bytes === packedBytes(count, bits), `${count} values of ${bits} bits, ${bytes} bytes`)
}
