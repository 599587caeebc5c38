import type { TensorShape } from './shapes.d.mts'

/** Returns the names of the files written. */
export function writeCheckpoint(options: {
  readonly folder: string
  readonly tensors: readonly TensorShape[]
  readonly dtype: 'F16' | 'F32'
  readonly seed: number
  readonly shardBytes?: number
}): readonly string[]
