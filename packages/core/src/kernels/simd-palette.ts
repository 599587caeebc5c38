import type { PaletteBits } from '../scheme/scheme.ts'
import { requirePacked } from './bit-stream.ts'
import type { PaletteKernels } from './palette-kernels.ts'
import { type Arena, CHUNK } from './simd-arena.ts'

/** The SIMD twins of the kernels of palettes and sparsity. */
export function simdPaletteKernels(arena: Arena): PaletteKernels {
  return {
    packBits: (out, values, bits) => packBits(arena, out, values, bits),
    unpackBits: (values, packed, bits) => unpackBits(arena, values, packed, bits),
  }
}

function packBits(arena: Arena, out: Uint8Array, values: Uint8Array, bits: PaletteBits): void {
  requirePacked(out.length, values.length, bits)
  if (bits === 8) {
    out.set(values)
    return
  }
  const { at } = arena
  for (let start = 0; start < values.length; start += CHUNK) {
    const length = Math.min(CHUNK, values.length - start)
    const room = arena.bytes(at.x, length + 15)
    room.set(values.subarray(start, start + length))
    room.fill(0, length)
    arena.run('packBits', at.out, at.x, length, bits)
    // A chunk is a multiple of 8 values, so each starts at a whole byte.
    out.set(arena.bytes(at.out, Math.ceil((length * bits) / 8)), (start * bits) / 8)
  }
}

function unpackBits(arena: Arena, values: Uint8Array, packed: Uint8Array, bits: PaletteBits): void {
  requirePacked(packed.length, values.length, bits)
  if (bits === 8) {
    values.set(packed)
    return
  }
  const { at } = arena
  for (let start = 0; start < values.length; start += CHUNK) {
    const length = Math.min(CHUNK, values.length - start)
    const from = (start * bits) / 8
    const bytes = packed.subarray(from, from + Math.ceil((length * bits) / 8))
    arena.bytes(at.x, bytes.length).set(bytes)
    arena.run('unpackBits', at.out, at.x, length, bits)
    values.set(arena.bytes(at.out, length), start)
  }
}
