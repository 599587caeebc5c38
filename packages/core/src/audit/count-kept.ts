import { pruneMask } from '../algorithms/prune/prune-mask.ts'
import type { Kernels } from '../kernels/kernels.ts'
import { countKept } from '../kernels/stored-codes.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues } from '../kernels/value-chunk.ts'
import type { SparseScheme } from '../scheme/scheme.ts'

/** Input of the pool job `count-kept`: some rows, of which the pattern can judge without the others. */
export type CountKeptInput = {
  readonly chunk: ValueChunk
  /** Of the whole weight. */
  readonly shape: readonly number[]
  readonly outputAxis: number
  readonly inputAxis: number
  readonly pattern: SparseScheme['pattern']
}

/** Pool job: how many values of some rows a mask keeps. */
export function countKeptValues(kernels: Kernels, input: CountKeptInput): number {
  const { chunk, shape } = input
  const spec = { ...input, shape: [chunk.rows, ...shape.slice(1)] }
  return countKept(pruneMask(kernels, chunkValues(kernels, chunk), spec))
}
