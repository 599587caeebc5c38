import type { Host } from '../base/host.ts'
import { mergeDistinct, noDistinctValues } from '../kernels/distinct-values.ts'
import type { DistinctValues } from '../kernels/palette-kernels.ts'
import type { PruneThreshold } from '../kernels/prune.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import { placedChunks } from '../kernels/value-chunk.ts'
import type { SparseScheme } from '../scheme/scheme.ts'
import type { Weight } from '../tensor/weight.ts'
import type { SlabTarget } from './slab-target.ts'
import type { SurveySlabInput } from './survey-slab.ts'

/** One look at a weight that is too large for one job, so many rows at a time. */
export type Pass = {
  readonly host: Pick<Host, 'pool'>
  readonly weight: Weight
  readonly target: SlabTarget
  readonly exponent: number
  readonly rows: number
}

/** What is looked for. */
type Wanted = {
  readonly of: 'scores' | 'values'
  readonly pattern: SparseScheme['pattern'] | null
  readonly limits: readonly PruneThreshold[]
  /** What scores are multiplied with, which values are not. */
  readonly factor?: number
}

/** The distinct values, or scores, of a whole weight. */
export async function distinct(
  pass: Pass,
  { of, pattern, limits, factor = 1 }: Wanted,
): Promise<DistinctValues> {
  const inputs = slabs(pass, (chunk, index): SurveySlabInput => ({
    ...slabFacts(pass, chunk, pattern),
    of,
    exponent: pass.exponent,
    threshold: limits[index] ?? null,
    factor,
  }))
  let all = noDistinctValues(pass.exponent)
  const parts = pass.host.pool.map<SurveySlabInput, DistinctValues>('survey-slab', inputs)
  for await (const part of parts) all = mergeDistinct(all, part)
  return all
}

/** What every job about some rows is told. */
export function slabFacts(
  { weight, target }: Pass,
  chunk: ValueChunk,
  pattern: SparseScheme['pattern'] | null,
): Pick<SurveySlabInput, 'chunk' | 'shape' | 'outputAxis' | 'inputAxis' | 'pattern'> {
  const { outputAxis, inputAxis } = target
  return { chunk, shape: weight.shape, outputAxis, inputAxis, pattern }
}

/** One input for each slab. */
export async function* slabs<Input>(
  { weight, rows }: Pass,
  inputOf: (chunk: ValueChunk, index: number) => Input,
): AsyncGenerator<Input> {
  let index = 0
  for await (const chunk of placedChunks(weight, rows)) yield inputOf(chunk, index++)
}
