import type { WeightFacts } from '../audit/audit-types.ts'
import type { FloatType } from '../scheme/scheme.ts'
import type { LayerPlan } from './plan-types.ts'
import { plannedLayer } from './planned-layer.ts'

/**
 * The plan that changes nothing: every weight in the float dtype in which it is stored, and what
 * importing computed (folded batch norms) in fp32. The reference that accuracy is compared with.
 *
 * @param computed - layers whose values are not a region of the checkpoint
 */
export function floatPlan(
  facts: readonly WeightFacts[],
  computed: ReadonlySet<string>,
): readonly LayerPlan[] {
  return facts.map((weight) =>
    plannedLayer(weight, {
      scheme: { kind: 'float', dtype: storedFloat(weight.dtype, computed.has(weight.layer)) },
      algorithm: 'round',
      reasons: ['as in the checkpoint'],
    }),
  )
}

function storedFloat(dtype: WeightFacts['dtype'], isComputed: boolean): FloatType {
  return !isComputed && (dtype === 'float16' || dtype === 'bfloat16') ? dtype : 'float32'
}
