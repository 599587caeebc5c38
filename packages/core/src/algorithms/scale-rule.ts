import type { Kernels, SearchSpec } from '../kernels/kernels.ts'

/** A matrix whose scales are to be chosen. */
export type ScaleTask = {
  /** float32, row-major, whole rows. */
  readonly x: Float32Array
  /** Mean square of what each column is multiplied with, length cols; undefined weighs all alike. */
  readonly importance: Float32Array | undefined
  readonly spec: SearchSpec
}

/**
 * Chooses the scale of each block, rounded to its stored dtype, and its zero point unless codes
 * are symmetric.
 *
 * @param scale - out, float32, one a block
 * @param zeroPoint - out, int8, one a block; undefined for symmetric codes
 */
export type ScaleRule = (
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  kernels: Kernels,
  task: ScaleTask,
) => void
