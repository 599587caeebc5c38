import { ensure } from '../../base/error.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { permuteAxes } from '../../kernels/permute-axes.ts'
import { maskBelow, maskOfGroups, maskSmall, type PruneThreshold } from '../../kernels/prune.ts'
import type { SparseScheme } from '../../scheme/scheme.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { largestMagnitude } from '../palette/scaled-channels.ts'
import { aroundOutputs, pruneScores, scoreFactor, zeroScores } from './prune-scores.ts'
import { pruneThreshold } from './prune-threshold.ts'

/** What of a tensor is to be zero. */
export type PruneSpec = {
  readonly shape: readonly number[]
  readonly outputAxis: number
  readonly inputAxis: number
  readonly pattern: SparseScheme['pattern']
  /** For a part of a tensor: the threshold of a fraction that was chosen for the whole. */
  readonly threshold?: PruneThreshold
}

/**
 * One byte a value: 1 where it is stored. Zeros are never stored, whatever the pattern.
 *
 * - `fraction`: exactly round(zeros * values) of the smallest magnitudes, of equals the first.
 * - `structured`: the same for runs of `size` output channels at one position, by the root of their
 *   sum of squares; the last run may be shorter.
 * - `threshold`: magnitudes up to it.
 * - `n-of-m`: all but the n largest of each m consecutive input channels, of equals the first.
 *
 * NaN and infinity are kept.
 *
 * @param x - float32, in storage order
 */
export function pruneMask(kernels: Kernels, x: Float32Array, spec: PruneSpec): Uint8Array {
  const mask = patternMask(kernels, x, spec)
  maskSmall(mask, x, 0)
  return mask
}

function patternMask(kernels: Kernels, x: Float32Array, spec: PruneSpec): Uint8Array {
  const { pattern, shape, inputAxis } = spec
  const mask = new Uint8Array(x.length).fill(1)
  switch (pattern.kind) {
    case 'fraction': {
      const scores = pruneScores(x, spec)
      maskBelow(mask, scores, thresholdOf(kernels, scores, pattern.zeros, spec))
      return mask
    }
    case 'structured':
      return runMask(kernels, x, pattern, spec)
    case 'threshold':
      maskSmall(mask, x, pattern.magnitude)
      return mask
    case 'n-of-m': {
      const layout = {
        channels: shape[inputAxis] ?? 1,
        inner: elementsOf(shape.slice(inputAxis + 1)),
      }
      maskOfGroups(mask, pruneScores(x, spec), pattern.n, pattern.m, layout)
      return mask
    }
  }
}

function thresholdOf(
  kernels: Kernels,
  scores: Float32Array,
  zeros: number,
  spec: PruneSpec,
): PruneThreshold {
  ensure(
    zeros >= 0 && zeros <= 1,
    'unsupported-scheme',
    `A fraction of ${zeros} cannot be zero. Use one from 0 to 1.`,
    { zeros },
  )
  return spec.threshold ?? pruneThreshold(kernels, scores, zeroScores(spec))
}

/** The mask of the runs, for each of their values. */
function runMask(
  kernels: Kernels,
  x: Float32Array,
  pattern: Extract<SparseScheme['pattern'], { kind: 'structured' }>,
  spec: PruneSpec,
): Uint8Array {
  const { outputs, before, after } = aroundOutputs(spec)
  const columns = before * after
  const { threshold } = spec
  const factor = threshold?.factor ?? scoreFactor(pattern, largestMagnitude(kernels, x))
  const scores = pruneScores(x, { ...spec, factor })
  const runs = new Uint8Array(scores.length).fill(1)
  maskBelow(runs, scores, thresholdOf(kernels, scores, pattern.zeros, spec))
  const moved = new Uint8Array(x.length)
  for (let row = 0; row < outputs; row++) {
    const run = Math.floor(row / pattern.size) * columns
    moved.set(runs.subarray(run, run + columns), row * columns)
  }
  const mask = new Uint8Array(x.length)
  permuteAxes(mask, moved, [outputs, before, after], [1, 0, 2])
  return mask
}
