import type { AffineScheme } from '../scheme/scheme.ts'

/**
 * The oldest opset whose DequantizeLinear takes a scheme: scales per axis from 13 on, fp16 scales
 * from 19, 4 bits and blocks from 21, 2 bits from 25.
 *
 * @see https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
 */
export function opsetForDequantize(scheme: AffineScheme): number {
  if (scheme.dtype === 'int2') return 25
  if (scheme.dtype !== 'int8' || scheme.granularity.kind === 'per-block') return 21
  if (scheme.scaleDtype === 'float16') return 19
  return scheme.granularity.kind === 'per-channel' ? 13 : 10
}

/** The opsets with which DequantizeLinear learned something, newest first. */
export const DEQUANTIZE_OPSETS = [25, 21, 19, 13, 10] as const

/** Whose DequantizeLinear decodes a weight. */
export type DequantizeDomain = 'ai.onnx' | 'com.microsoft'

/**
 * Whose DequantizeLinear a model of an opset has for a scheme; null for none. ONNX Runtime's own one
 * takes 8 and 4 bits per tensor and per axis in graphs of any opset. Its numbers are those of
 * ai.onnx with fp32 scales, but not with fp16 ones: seen in onnxruntime 1.30, at opset 7 to 21.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DequantizeLinear
 */
export function dequantizeDomain(scheme: AffineScheme, opset: number): DequantizeDomain | null {
  if (opsetForDequantize(scheme) <= opset) return 'ai.onnx'
  return isRuntimeDequantize(scheme) ? 'com.microsoft' : null
}

/** Whether ONNX Runtime's own DequantizeLinear takes a scheme. */
export function isRuntimeDequantize({ dtype, scaleDtype }: AffineScheme): boolean {
  return (dtype === 'int8' || dtype === 'int4') && scaleDtype === 'float32'
}
