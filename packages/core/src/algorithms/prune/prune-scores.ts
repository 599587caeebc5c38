import { permuteAxes } from '../../kernels/permute-axes.ts'
import { magnitudesOf, runScores } from '../../kernels/prune.ts'
import type { SparseScheme } from '../../scheme/scheme.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { LARGEST_STORED } from '../palette/stored-float.ts'

/** A weight, or a slab of it, and what is zero in it. */
export type ScoreSpec = {
  readonly shape: readonly number[]
  readonly outputAxis: number
  readonly pattern: SparseScheme['pattern']
  /** What `scoreFactor` says of the whole weight; 1 where it is left out. */
  readonly factor?: number
}

/**
 * The power of two that keeps the scores of a weight finite: the root of the sum of squares of a run
 * may lie beyond float32 where no value does. 1 wherever that cannot be.
 *
 * @param largest - largest magnitude of the whole weight, finite
 */
export function scoreFactor(pattern: SparseScheme['pattern'], largest: number): number {
  if (pattern.kind !== 'structured') return 1
  const most = largest * Math.sqrt(pattern.size)
  // Twice as much leaves room for how the sum is rounded.
  return 2 * most <= LARGEST_STORED.float32 ? 1 : 2 ** -Math.ceil(Math.log2(pattern.size) / 2 + 1)
}

/**
 * What decides which values become zero, the smallest first: magnitudes in storage order; for
 * `structured` the roots of the sums of squares of its runs, times the factor, (runs, before, after)
 * where the weight is (before, outputs, after).
 */
export function pruneScores(x: Float32Array, spec: ScoreSpec): Float32Array {
  const { pattern } = spec
  if (pattern.kind !== 'structured') return magnitudesOf(x)
  const { outputs, before, after } = aroundOutputs(spec)
  const byOutput = new Float32Array(x.length)
  permuteAxes(byOutput, x, [before, outputs, after], [1, 0, 2])
  const scores = new Float32Array(Math.ceil(outputs / pattern.size) * before * after)
  const { factor = 1 } = spec
  runScores(scores, byOutput, before * after, { size: pattern.size, factor })
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
