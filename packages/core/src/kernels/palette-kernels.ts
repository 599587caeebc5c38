import type { PaletteBits } from '../scheme/scheme.ts'

/** Values that are equal as halves times a power of two, put together; `mergeDistinct` joins parts. */
export type DistinctValues = {
  /** log2 of what values are multiplied with before they become halves. */
  readonly exponent: number
  /** The key of each half (`half-keys.ts`), ascending. */
  readonly keys: Uint16Array
  /** How many values each is, or the sum of their weights; > 0. */
  readonly weight: Float64Array
  /** Sum of the values, each times its weight. */
  readonly sum: Float64Array
  /** The smallest and the largest finite value that has a weight; Infinity and -Infinity of none. */
  readonly low: number
  readonly high: number
}

/** How vectors lie in an array of the shape (rows, size, inner). */
export type VectorSpec = {
  /** Components of a vector. */
  readonly size: number
  /** Vectors in a row. */
  readonly inner: number
}

/** Loops that palettes and sparsity need; part of `Kernels`. */
export type PaletteKernels = {
  /** Values of `bits` bits as a stream without gaps, the lowest bit first; see `bit-stream.ts`. */
  readonly packBits: (out: Uint8Array, values: Uint8Array, bits: PaletteBits) => void
  readonly unpackBits: (values: Uint8Array, packed: Uint8Array, bits: PaletteBits) => void
  /** Finite values put together by their half; see `distinct-values.ts`. */
  readonly distinctValues: (
    x: Float32Array,
    exponent: number,
    weights: Float32Array | undefined,
  ) => DistinctValues
  /** The exact clusters of least squared error of points on a line; see `cluster-sorted.ts`. */
  readonly clusterSorted: (ends: Uint32Array, weight: Float64Array, sum: Float64Array) => void
  /** The index of the nearest entry of an ascending table; see `nearest-entries.ts`. */
  readonly nearestEntries: (indices: Uint8Array, x: Float32Array, table: Float32Array) => void
  /** Nearest entries of vectors in a table of vectors; see `nearest-vectors.ts`. */
  readonly nearestVectors: (
    indices: Uint8Array,
    x: Float32Array,
    table: Float32Array,
    spec: VectorSpec,
  ) => void
  /** The entries of a table that indices name; NaN beyond the table. */
  readonly lookUp: (out: Float32Array, indices: Uint8Array, table: Float32Array) => void
}
