import type { PaletteKernels } from './palette-kernels.ts'

/** Integers that codes may take, both ends included. */
export type CodeRange = { readonly qmin: number; readonly qmax: number }

/** A scale covers `blockLength` consecutive values. */
export type BlockSpec = CodeRange & {
  readonly blockLength: number
  /** Symmetric scales below 0, which mirror a block, are allowed unless this is 'positive'. */
  readonly signs?: 'positive'
}

/** What a scale is stored as. */
export type ScaleDType = 'float16' | 'float32'

export type AsymmetricSpec = BlockSpec & { readonly scaleDtype: ScaleDType }

export type DecodeSpec = {
  readonly blockLength: number
  /** The dtype that values are rounded to; they stay in a float32 array. */
  readonly dtype: 'float32' | 'float16'
}

export type SearchSpec = BlockSpec & {
  /** Values in a row; the length of `importance`. */
  readonly cols: number
  readonly scaleDtype: ScaleDType
}

/** How far two arrays are apart, over the pairs in which both are finite. */
export type ErrorSums = {
  /** Sum of (x - y)^2. */
  readonly squaredError: number
  /** Sum of x^2. */
  readonly squaredSignal: number
  readonly maxAbsError: number
}

/** What one pass over a part of a weight finds; parts are joined by `mergeScans`. */
export type ValueScan = {
  /** Finite values seen. */
  readonly finite: number
  readonly notFinite: number
  readonly zeros: number
  /** Of the finite values, never -0; Infinity and -Infinity when there is none. */
  readonly min: number
  readonly max: number
  readonly sum: number
  readonly sumSquares: number
  /** Smallest non-zero largest magnitude of a run of 16 values in a row; null when all are zero. */
  readonly smallestGroup: number | null
}

/** What one pass over an activation finds. */
export type ValueEnds = {
  /** Finite values seen. */
  readonly finite: number
  readonly notFinite: number
  readonly zeros: number
  /** Of the finite values, never -0; Infinity and -Infinity when there is none. */
  readonly min: number
  readonly max: number
}

/** How the values of a tensor are spread: counts in bins of one width, which begin at zero. */
export type RangeHistogram = { -readonly [Key in keyof ValueEnds]: ValueEnds[Key] } & {
  /** A bin is w = 2^exponent wide. */
  exponent: number
  /**
   * 8192 counts of finite values that are not zero. Index 4096 + i holds the values in
   * [i w, (i + 1) w), index 4095 - i those in (-(i + 1) w, -i w].
   */
  readonly counts: Float64Array
}

/**
 * Every loop over arrays. Each function writes only its first argument (`zeroPoint` too, where it
 * is the second), and any other implementation equals `scalarKernels` bit for bit.
 *
 * Matrices are row-major and read flat: block b is `[b * blockLength, (b + 1) * blockLength)`.
 * Arrays that do not fit together are a mistake in the program and throw a `TypeError`.
 */
export type Kernels = PaletteKernels & {
  readonly halfToFloat: (out: Float32Array, bits: Uint16Array) => void
  readonly bfloat16ToFloat: (out: Float32Array, bits: Uint16Array) => void
  readonly floatToHalf: (out: Uint16Array, x: Float32Array) => void
  /** `(code + offset) & 15`, the first of two in the low nibble; a missing last one is 0. */
  readonly packNibbles: (out: Uint8Array, codes: Int8Array, offset: 0 | 8) => void
  readonly unpackNibbles: (codes: Int8Array, packed: Uint8Array, offset: 0 | 8) => void
  /** `code + 128`: signed codes as the unsigned bytes that some operators store. */
  readonly offsetBytes: (out: Uint8Array, codes: Int8Array) => void
  readonly symmetricScales: (scale: Float32Array, x: Float32Array, spec: BlockSpec) => void
  readonly asymmetricScales: (
    scale: Float32Array,
    zeroPoint: Int8Array,
    x: Float32Array,
    spec: AsymmetricSpec,
  ) => void
  readonly roundScales: (out: Float32Array, scale: Float32Array, dtype: ScaleDType) => void
  readonly encodeBlocks: (
    codes: Int8Array,
    x: Float32Array,
    scale: Float32Array,
    zeroPoint: Int8Array | undefined,
    spec: BlockSpec,
  ) => void
  readonly decodeBlocks: (
    out: Float32Array,
    codes: Int8Array,
    scale: Float32Array,
    zeroPoint: Int8Array | undefined,
    spec: DecodeSpec,
  ) => void
  /** `errorSums` of values and what their codes decode to. */
  readonly codeErrors: (
    x: Float32Array,
    codes: Int8Array,
    scale: Float32Array,
    zeroPoint: Int8Array | undefined,
    spec: DecodeSpec,
  ) => ErrorSums
  readonly mseScales: (
    scale: Float32Array,
    zeroPoint: Int8Array | undefined,
    x: Float32Array,
    importance: Float32Array | undefined,
    spec: SearchSpec,
  ) => void
  readonly errorSums: (x: Float32Array, y: Float32Array) => ErrorSums
  readonly scanValues: (x: Float32Array, cols: number) => ValueScan
  /** The scan of half-precision values. */
  readonly scanHalves: (bits: Uint16Array, cols: number) => ValueScan
  readonly histogram: (counts: Uint32Array, x: Float32Array, min: number, max: number) => void
  readonly valueEnds: (x: Float32Array) => ValueEnds
  readonly addToHistogram: (histogram: RangeHistogram, x: Float32Array) => ValueEnds
}
