/** 1.5 * 2^52: adding it leaves a double no room for a fraction, so the processor rounds. */
const ROUNDING_SHIFT = 6755399441055744

/**
 * Rounds to the nearest integer, ties to even (0.5 -> 0, 1.5 -> 2, -0.5 -> 0, never -0).
 *
 * `Math.round` rounds ties up, which ONNX QuantizeLinear and WebAssembly `f32x4.nearest` do not.
 * Exact for |x| < 2^51; a larger value keeps its sign and size to within a few units.
 */
export function roundHalfToEven(x: number): number {
  return x + ROUNDING_SHIFT - ROUNDING_SHIFT
}
