import type { FileRegion } from '../base/bytes.ts'
import type { DType } from './dtype.ts'

/**
 * A stored tensor, read only when asked. Folding, casting, transposing and concatenating give
 * derived weights that compute on read; nothing is kept after use.
 */
export type Weight = {
  /** The name in the file it came from. */
  readonly name: string
  /** The dtype of the stored values (a derived weight: of its source). */
  readonly dtype: DType
  readonly shape: readonly number[]
  /**
   * Reads rows `[start, end)` of the weight seen as a matrix (shape[0], rest), as float32.
   * A rank-0 weight has one row. The caller owns the array and may transfer it.
   */
  readonly readRows: (start: number, end: number) => Promise<Float32Array<ArrayBuffer>>
  /**
   * The stored bytes of rows `[start, end)` when this weight is exactly a region of a file
   * (not derived); decoding them is the kernels' work, in a worker.
   */
  readonly readStoredRows?: (start: number, end: number) => Promise<Uint8Array>
  /** Where the bytes of `readStoredRows` lie, when threads can read them for themselves. */
  readonly regionOfRows?: (start: number, end: number) => FileRegion
  /**
   * The same weight for one who reads row after row, where each read alone would compute all rows: what
   * they share is computed at the first read, and kept as long as this is held.
   */
  readonly inOrder?: () => Weight
}

/** Elements of a shape; 1 for rank 0. */
export function elementsOf(shape: readonly number[]): number {
  let count = 1
  for (const size of shape) count *= size
  return count
}

/** Rows of a weight seen as a matrix: its first axis, or 1. */
export function rowsOf(shape: readonly number[]): number {
  return shape[0] ?? 1
}

/** Values in one row of a weight seen as a matrix. */
export function columnsOf(shape: readonly number[]): number {
  return elementsOf(shape.slice(1))
}
