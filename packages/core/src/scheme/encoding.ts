import type { FloatType, IntegerType } from './scheme.ts'

/**
 * What a stored weight is. `decode` (kernels) is the exact product (q - zero) * scale rounded once
 * to the encoding's dtype: the only truth about what a device computes.
 *
 * Seen as a matrix (rows, columns) = (shape[0], rest); a scale covers `blockLength` consecutive
 * values of one row: the whole row per channel, the whole tensor per tensor.
 */
export type Encoding = FloatEncoding | AffineEncoding

export type FloatEncoding = {
  readonly kind: 'float'
  readonly dtype: FloatType
  readonly shape: readonly number[]
  /** Little-endian values, row-major. */
  readonly bytes: Uint8Array
}

export type AffineEncoding = {
  readonly kind: 'affine'
  /** The dtype that values decode to. */
  readonly dtype: 'float32' | 'float16'
  readonly integer: IntegerType
  readonly shape: readonly number[]
  /** Values of a row that share one scale; rows * columns for per tensor. */
  readonly blockLength: number
  /** One signed code a byte, row-major; packing is the format's work. */
  readonly codes: Int8Array
  /** One scale a block, row-major, exactly representable in `scaleDtype`. */
  readonly scale: Float32Array
  readonly scaleDtype: 'float16' | 'float32'
  /** One zero point a block, in the signed range of `integer`; absent when symmetric. */
  readonly zeroPoint?: Int8Array
}
