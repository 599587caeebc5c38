import { requireFit } from './fit.ts'

/**
 * Packs two 4-bit codes a byte: `(code + offset) & 15`, the first in the low nibble, as ONNX
 * int4 and MatMulNBits do. An odd last byte has 0 in its high nibble.
 *
 * @param out - uint8, ceil(codes / 2) bytes
 * @param offset - 0 keeps two's complement; 8 stores codes [-8, 7] as [0, 15]
 * @see https://onnx.ai/onnx/technical/int4.html
 */
export function packNibbles(out: Uint8Array, codes: Int8Array, offset: 0 | 8): void {
  requireFit(out.length === (codes.length + 1) >> 1, `${codes.length} codes, ${out.length} bytes`)
  const pairs = codes.length >> 1
  for (let i = 0; i < pairs; i++) {
    const low = (codes[2 * i]! + offset) & 15
    const high = (codes[2 * i + 1]! + offset) & 15
    out[i] = low | (high << 4)
  }
  if (codes.length % 2 === 1) out[pairs] = (codes[codes.length - 1]! + offset) & 15
}

/** Undoes `packNibbles` for codes in [-8, 7]. */
export function unpackNibbles(codes: Int8Array, packed: Uint8Array, offset: 0 | 8): void {
  requireFit(
    packed.length === (codes.length + 1) >> 1,
    `${codes.length} codes, ${packed.length} bytes`,
  )
  for (let i = 0; i < codes.length; i++) {
    const nibble = (packed[i >> 1]! >> (4 * (i & 1))) & 15
    codes[i] = offset === 8 ? nibble - 8 : (nibble << 28) >> 28
  }
}

/** Signed codes as unsigned bytes: `code + 128`. */
export function offsetBytes(out: Uint8Array, codes: Int8Array): void {
  requireFit(out.length === codes.length, `${codes.length} codes into ${out.length} bytes`)
  for (let i = 0; i < codes.length; i++) out[i] = codes[i]! + 128
}
