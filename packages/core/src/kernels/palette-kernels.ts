import type { PaletteBits } from '../scheme/scheme.ts'

/** Loops that palettes and sparsity need; part of `Kernels`. */
export type PaletteKernels = {
  /** Values of `bits` bits as a stream without gaps, the lowest bit first; see `bit-stream.ts`. */
  readonly packBits: (out: Uint8Array, values: Uint8Array, bits: PaletteBits) => void
  readonly unpackBits: (values: Uint8Array, packed: Uint8Array, bits: PaletteBits) => void
}
