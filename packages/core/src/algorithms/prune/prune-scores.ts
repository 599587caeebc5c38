import { permuteAxes } from '../../kernels/permute-axes.ts'
import { magnitudesOf, runScores } from '../../kernels/prune.ts'
import type { SparseScheme } from '../../scheme/scheme.ts'
import { elementsOf } from '../../tensor/weight.ts'

/** A weight, or a slab of it, and what is zero in it. */
export type ScoreSpec = {
  readonly shape: readonly number[]
  readonly outputAxis: number
  readonly pattern: SparseScheme['pattern']
}

/**
 * What decides which values become zero, the smallest first: magnitudes in storage order; for
 * `structured` the roots of the sums of squares of its runs, (runs, before, after) where the weight
 * is (before, outputs, after).
 */
export function pruneScores(x: Float32Array, spec: ScoreSpec): Float32Array {
  const { pattern } = spec
  if (pattern.kind !== 'structured') return magnitudesOf(x)
  const { outputs, before, after } = aroundOutputs(spec)
  const byOutput = new Float32Array(x.length)
  permuteAxes(byOutput, x, [before, outputs, after], [1, 0, 2])
  const scores = new Float32Array(Math.ceil(outputs / pattern.size) * before * after)
  runScores(scores, byOutput, before * after, pattern.size)
  return scores
}

/** How many of the scores of a whole weight become zero, for patterns that count. */
export function zeroScores({ shape, outputAxis, pattern }: ScoreSpec): number {
  switch (pattern.kind) {
    case 'fraction':
      return Math.round(pattern.zeros * elementsOf(shape))
    case 'structured': {
      const outputs = shape[outputAxis] ?? 1
      const runs = Math.ceil(outputs / pattern.size) * (elementsOf(shape) / outputs)
      return Math.round(pattern.zeros * runs)
    }
    case 'threshold':
    case 'n-of-m':
      return 0
  }
}

/** The shape about the output axis. */
export function aroundOutputs({ shape, outputAxis }: Pick<ScoreSpec, 'shape' | 'outputAxis'>): {
  readonly before: number
  readonly outputs: number
  readonly after: number
} {
  return {
    before: elementsOf(shape.slice(0, outputAxis)),
    outputs: shape[outputAxis] ?? 1,
    after: elementsOf(shape.slice(outputAxis + 1)),
  }
}
