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

/**
 * How many values a pattern makes zero at least, of a weight without zeros; for a threshold that is
 * known once its values are.
 */
export function leastZeros(spec: ScoreSpec & { readonly inputAxis: number }): number {
  const { shape, outputAxis, inputAxis, pattern } = spec
  const elements = elementsOf(shape)
  switch (pattern.kind) {
    case 'fraction':
      return zeroScores(spec)
    case 'structured': {
      const channels = shape[outputAxis] ?? 1
      const runs = zeroScores(spec)
      // The shorter runs at the end may be among those that are zero.
      const short = channels % pattern.size === 0 ? 0 : elements / channels
      const cut = Math.min(runs, short) * (pattern.size - (channels % pattern.size))
      return runs * pattern.size - cut
    }
    case 'threshold':
      return 0
    case 'n-of-m': {
      const { n, m } = pattern
      const channels = shape[inputAxis] ?? 1
      const kept = Math.floor(channels / m) * n + Math.min(n, channels % m)
      return elements - kept * (elements / channels)
    }
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
