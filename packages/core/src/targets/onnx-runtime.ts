/**
 * What ONNX Runtime's CPU and web kernels take. Each fact was checked by running it in
 * onnxruntime 1.30 and stands in the operators' own documentation.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
export const ONNX_RUNTIME = {
  /** MatMulNBits and GatherBlockQuantized: blocks are powers of two from 16 on. */
  blockSizes: [16, 32, 64, 128, 256],
  /** The largest block that MatMulNBits kernels of older runtimes accept as well. */
  preferredLargestBlock: 128,
  /** Stored integers that weights may have in every form used here. */
  integers: ['int8', 'int4', 'int2'],
} as const

/** The largest block size not above `wanted` that the block kernels take and that divides `length`. */
export function kernelBlockSize(wanted: number, length: number): number | null {
  const sizes = ONNX_RUNTIME.blockSizes.filter((size) => size <= wanted && length % size === 0)
  return sizes.at(-1) ?? null
}
