import type { WeightFacts } from '../audit/audit-types.ts'
import { MixbitError, ensure } from '../base/error.ts'
import { nearestNames } from '../config/nearest.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import { refuseNotFinite } from './not-finite.ts'
import { checkKept } from './fit-kept.ts'
import type { CoremlRequest, PlanRequest } from './draft.ts'
import type { LayerPlan, Plan } from './plan-types.ts'
import type { Decided, Planning } from './planning-types.ts'
import { familyOf, planningFor } from './planning.ts'
import { refreshedFindings } from './refreshed-findings.ts'

/** Names that a message lists. */
const LISTED_NAMES = 3

/**
 * Puts a plan from a file on a model. Schemes, algorithms and reasons count; what a weight is
 * (component, role, shape) comes from the model, and forms and bytes follow from both.
 *
 * @param name - the file, for messages
 * @param limits - the newest opset that the graph of a component can have; any will do for those
 *   left out
 * @param coreml - what a package may become; for Core ML targets
 * @throws `invalid-plan` when the plan is of another model, `unsupported-scheme`, `not-finite`
 */
export function fitPlan(
  plan: Plan,
  weights: readonly WeightFacts[],
  name: string,
  limits: PlanRequest['opsetLimit'] = null,
  coreml?: CoremlRequest,
): Plan {
  const isPackage = coreml !== undefined
  ensure(
    isPackage === (familyOf(plan.target) === 'coreml'),
    'invalid-plan',
    `"${name}" is a plan for ${plan.target}, and this is ${isPackage ? 'a' : 'no'} Core ML package. Make a plan for this model with \`mixbit plan\`.`,
    { file: name, target: plan.target },
  )
  const planning = planningFor(plan.target)
  const decisions = decisionsByLayer(plan, weights, name)
  const decided = weights.map((facts) =>
    fitDecision(facts, decisions.get(facts.layer), { file: name, planning }),
  )
  const layers = planning.layersOf(decided, { opsetLimit: limits, ...(coreml && { coreml }) })
  const findings =
    coreml === undefined
      ? plan.findings
      : refreshedFindings(plan.findings, planning.findingsOf(layers, { coreml }, weights))
  // What the package took as it was planned says nothing of an edited plan.
  const { package: _, ...rest } = plan
  return { ...rest, layers, bytes: storedBytes(layers), findings }
}

function decisionsByLayer(
  plan: Plan,
  weights: readonly WeightFacts[],
  file: string,
): ReadonlyMap<string, LayerPlan> {
  const known = new Set(weights.map(({ layer }) => layer))
  const decisions = new Map<string, LayerPlan>()
  for (const decision of plan.layers) {
    const { layer } = decision
    if (!known.has(layer)) throw unknownLayer(layer, [...known], file)
    ensure(
      !decisions.has(layer),
      'invalid-plan',
      `"${file}" decides "${layer}" twice. Keep one of the two.`,
      { file, layer },
    )
    decisions.set(layer, decision)
  }
  return decisions
}

function unknownLayer(layer: string, known: readonly string[], file: string): MixbitError {
  const near = nearestNames(layer, known, LISTED_NAMES)
  return new MixbitError(
    'invalid-plan',
    `"${file}" decides "${layer}", which this model does not have. Near names: ` +
      `${near.map((each) => `"${each}"`).join(', ')}. Make a plan for this model with \`mixbit plan\`.`,
    { file, layer, near },
  )
}

/** What the file says of a weight, when the weight can have it. */
function fitDecision(
  facts: WeightFacts,
  decision: LayerPlan | undefined,
  { file, planning }: { readonly file: string; readonly planning: Planning },
): Decided {
  const { layer, shape } = facts
  ensure(
    decision !== undefined,
    'invalid-plan',
    `"${file}" says nothing about "${layer}". Make a plan for this model with \`mixbit plan\`.`,
    { file, layer },
  )
  ensure(
    decision.shape.length === shape.length &&
      shape.every((size, at) => size === decision.shape[at]),
    'invalid-plan',
    `"${file}" gives "${layer}" the shape [${decision.shape.join(', ')}]; the model has ` +
      `[${shape.join(', ')}]. It is the plan of another model.`,
    { file, layer, found: decision.shape, expected: shape },
  )
  checkKept(facts, decision, file)
  // What a plan can only carry may be a mask of infinities.
  if (facts.whyFloat === undefined) refuseNotFinite(facts)
  const overflow = planning.beyondHalf(facts, decision.scheme)
  ensure(
    overflow === null,
    'unsupported-scheme',
    `"${file}" keeps "${layer}" in fp16, but ${overflow ?? ''}. Use float32 for it, or for its scales.`,
    { file, layer },
  )
  const { scheme, algorithm, reasons, kept } = decision
  return { facts, scheme, algorithm, reasons, kept }
}
