import type { Kernels } from '../kernels/kernels.ts'
import type { ScaleTask } from './scale-rule.ts'

/** Round to nearest: the smallest scale that clips nothing. Needs no statistics. */
export function roundRule(
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  kernels: Kernels,
  { x, spec }: ScaleTask,
): void {
  if (zeroPoint !== undefined) {
    kernels.asymmetricScales(scale, zeroPoint, x, spec)
    return
  }
  kernels.symmetricScales(scale, x, spec)
  kernels.roundScales(scale, scale, spec.scaleDtype)
}
