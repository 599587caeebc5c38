import type { Kernels } from '../kernels/kernels.ts'
import type { ScaleTask } from './scale-rule.ts'

/**
 * Round to nearest as the literature has it. Symmetric: scale = max |x| / qmax, always positive, so
 * that int4 uses the codes -7 to 7. Asymmetric: the range of the block. Clips nothing and needs no
 * statistics; what else a scale can gain (the code -8, the best clip) is the work of `mse`.
 *
 * Nagel et al., "A White Paper on Neural Network Quantization", 2021, section 2.2.
 * https://arxiv.org/abs/2106.08295
 */
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
  kernels.symmetricScales(scale, x, { ...spec, qmin: -spec.qmax })
  kernels.roundScales(scale, scale, spec.scaleDtype)
}
