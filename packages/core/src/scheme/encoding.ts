import type { FloatType, IntegerType, PaletteBits } from './scheme.ts'

/**
 * What a stored weight is. `decode` (kernels) gives its values: the only truth about what a device
 * computes. Everything is row-major in the order of the file.
 *
 * `block` says how many values of each axis share a scale or a table: `shape[k]` spans the axis, 1
 * gives every slice its own. It divides the shape on every axis; the scales have the shape
 * `shape[k] / block[k]`.
 */
export type Encoding = FloatEncoding | AffineEncoding | PaletteEncoding | SparseEncoding

export type FloatEncoding = {
  readonly kind: 'float'
  readonly dtype: FloatType
  readonly shape: readonly number[]
  /** The values, exactly representable in `dtype`. */
  readonly values: Float32Array
}

/** (code - zero point) * scale, computed exactly and rounded once to `dtype`. */
export type AffineEncoding = {
  readonly kind: 'affine'
  /** The dtype that values decode to. */
  readonly dtype: 'float32' | 'float16'
  readonly integer: IntegerType
  readonly shape: readonly number[]
  readonly block: readonly number[]
  /** One signed code a byte; packing and the stored sign are the format's work. */
  readonly codes: Int8Array
  /** One a block, exactly representable in `scaleDtype`. */
  readonly scale: Float32Array
  readonly scaleDtype: 'float16' | 'float32'
  /** One a block, in the signed range of `integer`; absent when symmetric. */
  readonly zeroPoint?: Int8Array
}

/** Each index names an entry of the table of its block. */
export type PaletteEncoding = {
  readonly kind: 'palette'
  readonly bits: PaletteBits
  /** Of the decoded values. */
  readonly shape: readonly number[]
  /** Of the decoded values. */
  readonly block: readonly number[]
  /** Values along `axis` that one index gives together; size 1 means that each value has its own. */
  readonly vector: { readonly axis: number; readonly size: number }
  /** One index a byte, of the shape with `vector.axis` divided by `vector.size`. */
  readonly indices: Uint8Array
  /** Shape: one table a block, then 2^bits entries of `vector.size` values. */
  readonly table: FloatEncoding | AffineEncoding
}

/** Zero where the mask is 0. */
export type SparseEncoding = {
  readonly kind: 'sparse'
  readonly shape: readonly number[]
  /** One byte a value: 1 where a value is stored. */
  readonly mask: Uint8Array
  /** Of the whole shape; what it says of masked values counts for nothing and is not stored. */
  readonly values: FloatEncoding | AffineEncoding | PaletteEncoding
}
