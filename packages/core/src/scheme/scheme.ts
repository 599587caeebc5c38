/** How many values share one scale. */
export type Granularity =
  | { readonly kind: 'per-tensor' }
  /** One scale per slice of `axis` (the output channel; decided by the operator). */
  | { readonly kind: 'per-channel'; readonly axis: number }
  /**
   * One scale per `blockSize` slices of `axis` (the input channel) within each output channel.
   * For convolutions a block spans the whole kernel: blockSize * kh * kw values.
   */
  | { readonly kind: 'per-block'; readonly axis: number; readonly blockSize: number }

export type FloatType = 'float32' | 'float16' | 'bfloat16'

/** Stored integers of 2, 3, 4 or 8 bits. Signed; how a format stores the sign is its own matter. */
export type IntegerType = 'int8' | 'int4' | 'int3' | 'int2'

export type PaletteBits = 1 | 2 | 3 | 4 | 6 | 8

/** How one weight is stored: the decision, before any value is computed. Plain data, kept in plans. */
export type Scheme = FloatScheme | AffineScheme | PaletteScheme | SparseScheme

export type FloatScheme = { readonly kind: 'float'; readonly dtype: FloatType }

export type AffineScheme = {
  readonly kind: 'affine'
  readonly dtype: IntegerType
  /** Symmetric: zero point fixed at 0. */
  readonly symmetric: boolean
  readonly granularity: Granularity
  /** The dtype scales are stored in; codes are derived from the rounded scale. */
  readonly scaleDtype: 'float16' | 'float32'
}

export type PaletteScheme = {
  readonly kind: 'palette'
  readonly bits: PaletteBits
  /** Output channels that share one table; a block lies along the output axis. */
  readonly granularity: Granularity
  /** Consecutive output channels that share one index: 1 gives every value its own. */
  readonly vectorSize: number
  /** What a table holds: floats, or int8 with one scale for all tables. */
  readonly table: 'float' | 'int8'
  /**
   * Every output channel is divided by its largest magnitude before tables are made, and each has the
   * shared table times that magnitude as its own.
   */
  readonly channelScale: boolean
}

export type SparseScheme = {
  readonly kind: 'sparse'
  readonly pattern:
    /** The smallest magnitudes are zero: this fraction of all values. */
    | { readonly kind: 'fraction'; readonly zeros: number }
    /** The same, in runs of `size` output channels that are zero together. */
    | { readonly kind: 'structured'; readonly zeros: number; readonly size: number }
    /** Magnitudes up to this are zero. */
    | { readonly kind: 'threshold'; readonly magnitude: number }
    /** At most `n` of each `m` consecutive input channels are stored. */
    | { readonly kind: 'n-of-m'; readonly n: number; readonly m: number }
  readonly values: FloatScheme | AffineScheme | PaletteScheme
}

/** Bits of each integer type. */
export const INTEGER_BITS: Readonly<Record<IntegerType, number>> = {
  int8: 8,
  int4: 4,
  int3: 3,
  int2: 2,
}

/** Bits one stored value takes; scales, tables and masks not counted. */
export function bitsPerValue(scheme: Scheme): number {
  switch (scheme.kind) {
    case 'float':
      return scheme.dtype === 'float32' ? 32 : 16
    case 'affine':
      return INTEGER_BITS[scheme.dtype]
    case 'palette':
      return scheme.bits / scheme.vectorSize
    case 'sparse':
      return bitsPerValue(scheme.values)
  }
}
