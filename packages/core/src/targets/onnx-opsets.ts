import type { AffineScheme } from '../scheme/scheme.ts'

/**
 * The oldest opset whose DequantizeLinear takes a scheme: scales per axis from 13 on, fp16 scales
 * from 19, 4 bits and blocks from 21.
 *
 * @see https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
 */
export function opsetForDequantize(scheme: AffineScheme): number {
  if (scheme.dtype !== 'int8' || scheme.granularity.kind === 'per-block') return 21
  if (scheme.scaleDtype === 'float16') return 19
  return scheme.granularity.kind === 'per-channel' ? 13 : 10
}
