import type { WeightFacts } from '../audit/audit-types.ts'
import { checkPatterns } from '../config/check-patterns.ts'
import { checkComponents } from '../config/patterns.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import type { PlanRequest } from './draft.ts'
import { firstDraft } from './first-draft.ts'
import { refuseNotFinite } from './not-finite.ts'
import { adaptedFindings, leftFindings, unusedAlgorithm } from './plan-findings.ts'
import type { Plan } from './plan-types.ts'
import { planningFor } from './planning.ts'

/**
 * Decides the stored form of every weight: the asked-for precision, then the rules in order.
 *
 * @param weights - every layer once; with scans, values beyond fp16 are seen
 * @throws `not-finite` for a weight with NaN or infinities; `pattern-without-match`
 */
export function makePlan(weights: readonly WeightFacts[], request: PlanRequest): Plan {
  const planning = planningFor(request.target)
  const names = weights.map((weight) => weight.layer)
  checkPatterns(request.layers, names)
  checkComponents(request.components, [...new Set(weights.map((weight) => weight.component))])
  const drafts = weights.map((facts) => {
    // What is only carried may be a mask of infinities.
    if (request.floats === 'half' || facts.outputAxis !== null) refuseNotFinite(facts)
    const first = firstDraft(facts, request)
    if (first.kept === true) return first
    return planning.rules.reduce((draft, rule) => rule(draft, request), first)
  })
  const layers = planning.layersOf(drafts, request)
  const unit = request.coreml?.unit ?? null
  return {
    schema: 'mixbit/plan@1',
    model: request.model,
    target: request.target,
    ...(unit !== null && { computeUnit: unit }),
    preset: request.preset,
    protect: request.protect,
    statistics: request.statistics,
    seed: request.seed,
    layers,
    bytes: storedBytes(layers),
    findings: [
      ...adaptedFindings(drafts, request),
      ...unusedAlgorithm(layers, request),
      ...leftFindings(drafts, request),
      ...planning.findingsOf(layers, request, weights),
    ],
  }
}
