import type { StoredFacts, WeightFacts } from '../../src/audit/audit-types.ts'
import { specRange } from '../../src/formats/coreml/forms.ts'
import type { CoremlRequest, PlanRequest } from '../../src/plan/draft.ts'
import type { ComputeUnit } from '../../src/targets/coreml-devices.ts'
import type { CoremlTarget } from '../../src/targets/coreml-versions.ts'
import { planRequest, weightFact } from './facts.ts'

/** Facts of a plain fp16 weight of a package whose operators compute in fp16. */
export function packageFact(facts: Partial<WeightFacts> = {}): WeightFacts {
  const { dtype = 'float16', shape = [64, 64] } = facts
  return weightFact({
    layer: 'model.w',
    component: 'model',
    shape,
    ...facts,
    stored: facts.stored ?? plainStored(dtype === 'float32' ? 'float32' : 'float16'),
  })
}

/** How a plain weight is stored. */
export function plainStored(dtype: 'float16' | 'float32'): StoredFacts {
  return {
    precision: dtype === 'float16' ? 'fp16' : 'fp32',
    ops: ['const'],
    computes: dtype,
    isCompressed: false,
    hasSignedCodes: false,
    usedBy: ['linear'],
  }
}

/** What is asked of the plan of a package of specification version `spec`. */
export function packageRequest(
  request: Partial<PlanRequest> & {
    readonly target?: CoremlTarget
    readonly unit?: ComputeUnit | null
    readonly spec?: number
    /** How far the package can be raised. */
    readonly reachable?: number
  } = {},
): PlanRequest {
  const { unit = null, spec = 7, reachable = 10, target = 'coreml-ios18', ...rest } = request
  const specs = specRange(spec, target, reachable)
  const heldBack = reachable < 9 ? 'crop_resize has another meaning there' : null
  const coreml: CoremlRequest = { target, specs, unit, heldBack }
  return planRequest({ target, floats: 'as-stored', coreml, ...rest })
}
