import type { WeightFacts } from '../audit/audit-types.ts'
import { ensure } from '../base/error.ts'

/** Refuses a weight with NaN or infinities: no stored form keeps them, and zeros would hide them. */
export function refuseNotFinite(facts: WeightFacts): void {
  const count = facts.scan?.notFinite ?? 0
  ensure(
    count === 0,
    'not-finite',
    `"${facts.layer}" holds ${count} values that are NaN or infinite; quantizing it would hide a ` +
      'broken checkpoint. Export or download the model again.',
    { layer: facts.layer, count },
  )
}
