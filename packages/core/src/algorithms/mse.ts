import type { Kernels } from '../kernels/kernels.ts'
import type { ScaleTask } from './scale-rule.ts'

/**
 * The clip of each block that gives the smallest squared error, each weight's error counted with
 * the mean square of its input channel: to first order the error of the layer's output when
 * inputs are uncorrelated, E[(sum e_i a_i)^2] = sum e_i^2 E[a_i^2].
 */
export function mseRule(
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  kernels: Kernels,
  { x, importance, spec }: ScaleTask,
): void {
  kernels.mseScales(scale, zeroPoint, x, importance, spec)
}
