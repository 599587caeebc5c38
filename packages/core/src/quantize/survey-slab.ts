import { paletteTable } from '../algorithms/palette/palette-table.ts'
import type { TableSpec } from '../algorithms/palette/palette-table.ts'
import { pruneMask } from '../algorithms/prune/prune-mask.ts'
import { pruneScores } from '../algorithms/prune/prune-scores.ts'
import { scoresInBin } from '../algorithms/prune/prune-threshold.ts'
import type { BinScores, ScoreBin } from '../algorithms/prune/prune-threshold.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { DistinctValues } from '../kernels/palette-kernels.ts'
import { withoutMasked } from '../kernels/prune.ts'
import type { PruneThreshold } from '../kernels/prune.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues } from '../kernels/value-chunk.ts'
import type { SparseScheme } from '../scheme/scheme.ts'

/** Some rows of a weight that is too large for one job, on a pass before it is encoded. */
export type SlabInput = {
  readonly chunk: ValueChunk
  /** Of the whole weight. */
  readonly shape: readonly number[]
  readonly outputAxis: number
  readonly inputAxis: number
  /** What is zero; null for a dense weight. */
  readonly pattern: SparseScheme['pattern'] | null
}

/** Input of the pool job `survey-slab`. */
export type SurveySlabInput = SlabInput & {
  /** `scores`: what decides about zeros. `values`: what is stored. */
  readonly of: 'scores' | 'values'
  readonly exponent: number
  /** Which values are not stored, where the whole weight decided. */
  readonly threshold: PruneThreshold | null
  /** What scores are multiplied with. */
  readonly factor: number
}

/** Input of the pool job `scores-in-bin`. */
export type ScoresInBinInput = SlabInput & { readonly bin: ScoreBin; readonly factor: number }

/** Input of the pool job `fill-table`. */
export type FillTableInput = { readonly values: DistinctValues; readonly spec: TableSpec }

/** Pool job: the distinct values, or scores, of some rows. */
export function surveySlab(kernels: Kernels, input: SurveySlabInput): DistinctValues {
  const { pattern, exponent } = input
  const values = chunkValues(kernels, input.chunk)
  if (pattern === null) return kernels.distinctValues(values, exponent, undefined)
  const spec = { ...input, pattern, shape: slabShape(input) }
  if (input.of === 'scores') {
    return kernels.distinctValues(pruneScores(values, spec), exponent, undefined)
  }
  return kernels.distinctValues(withoutZeroed(kernels, values, input, pattern), exponent, undefined)
}

/** The values of some rows that are stored; NaN for those that become zero. */
export function keptSlabValues(
  kernels: Kernels,
  input: SlabInput & { readonly threshold: PruneThreshold | null },
): Float32Array {
  const values = chunkValues(kernels, input.chunk)
  const { pattern } = input
  return pattern === null ? values : withoutZeroed(kernels, values, input, pattern)
}

function withoutZeroed(
  kernels: Kernels,
  values: Float32Array,
  input: SlabInput & { readonly threshold: PruneThreshold | null },
  pattern: SparseScheme['pattern'],
): Float32Array {
  const { outputAxis, inputAxis, threshold } = input
  const shape = slabShape(input)
  const own = { shape, outputAxis, inputAxis, pattern, ...(threshold !== null && { threshold }) }
  return withoutMasked(values, pruneMask(kernels, values, own), Number.NaN)
}

/** Pool job: the scores of some rows among which the limit between zero and stored lies. */
export function slabScoresInBin(kernels: Kernels, input: ScoresInBinInput): BinScores {
  const { pattern, bin } = input
  if (pattern === null) throw new TypeError('A dense weight has no scores')
  const spec = { ...input, pattern, shape: slabShape(input) }
  return scoresInBin(pruneScores(chunkValues(kernels, input.chunk), spec), bin)
}

/** Pool job: the table of a whole weight; null when the rule needs more entries than it has. */
export function fillTable(kernels: Kernels, { values, spec }: FillTableInput): Float32Array | null {
  return paletteTable(kernels, values, spec)
}

/** The shape of some rows. */
export function slabShape({ chunk, shape }: SlabInput): readonly number[] {
  return [chunk.rows, ...shape.slice(1)]
}
