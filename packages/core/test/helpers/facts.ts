import type { WeightFacts, WeightScan } from '../../src/audit/audit-types.ts'
import type { PlanRequest } from '../../src/plan/draft.ts'
import { elementsOf } from '../../src/tensor/weight.ts'

/** What a sound weight's scan finds. */
export const SOUND_SCAN: WeightScan = {
  min: -0.5,
  max: 0.5,
  mean: 0,
  standardDeviation: 0.1,
  notFinite: 0,
  zeros: 0,
  smallestGroup: 0.25,
}

/** Facts of a fp16 weight in the middle of a decoder; axes follow from the role. */
export function weightFact(facts: Partial<WeightFacts> = {}): WeightFacts {
  const { role = 'linear', shape = [64, 64], dtype = 'float16' } = facts
  const isFloat = role === 'vector' || role === 'other'
  const elements = elementsOf(shape)
  return {
    layer: 'decoder.weight',
    component: 'decoder',
    role,
    dtype,
    shape,
    elements,
    bytes: elements * (dtype === 'float32' ? 4 : 2),
    outputAxis: isFloat ? null : 0,
    inputAxis: isFloat ? null : 1,
    position: 'inner',
    scan: SOUND_SCAN,
    ...facts,
  }
}

/** A request that asks nothing by name. */
export function planRequest(request: Partial<PlanRequest> = {}): PlanRequest {
  return {
    model: 'model',
    target: 'transformers-js',
    preset: null,
    precision: null,
    components: {},
    layers: [],
    protect: true,
    algorithm: null,
    statistics: null,
    seed: 0,
    floats: 'half',
    opsetLimit: null,
    ...request,
  }
}
