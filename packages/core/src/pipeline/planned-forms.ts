import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import { MixbitError, ensure } from '../base/error.ts'
import { largestOf } from '../base/largest.ts'
import type { CoremlDocument } from '../formats/coreml/document.ts'
import type { CoremlForm, NoCoremlForm, SpecRange } from '../formats/coreml/form-types.ts'
import { coremlForms, specOf, specRange } from '../formats/coreml/forms.ts'
import { isUntouched } from '../plan/coreml/planned-weights.ts'
import { formFacts } from '../plan/coreml/weight-form.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import { COREML_TARGETS } from '../targets/coreml-versions.ts'

/** The weights that a plan stores anew, in its order, by the names of their layers. */
export type PlannedForms = ReadonlyMap<string, CoremlForm>

/**
 * The form of every weight that the plan of a package changes.
 *
 * @throws `invalid-plan` when the plan is not of this package, `unsupported-scheme` when a weight
 *   cannot be stored as it says
 */
export function plannedForms(document: CoremlDocument, audit: Audit, plan: Plan): PlannedForms {
  const changed = changedLayers(audit, plan)
  const forms = coremlForms(changed, specsOf(document, plan))
  return new Map(changed.map(({ layer }, at) => [layer.layer, storable(forms[at], layer)]))
}

/** The lowest specification version that has a form for every weight that a plan changes. */
export function neededSpec(document: CoremlDocument, audit: Audit, plan: Plan): number {
  const { spec, highestSpec } = document
  const specs = specRange(spec, null, highestSpec.spec)
  const forms = coremlForms(changedLayers(audit, plan), specs)
  return largestOf(specs.lowest, forms.map(specOf))
}

function changedLayers(audit: Audit, plan: Plan) {
  const facts = new Map(audit.weights.map((weight) => [weight.layer, weight]))
  return plan.layers.flatMap((layer) => {
    const weight = factsOf(facts, layer)
    const { scheme, kept } = layer
    if (isUntouched({ facts: weight, scheme, kept })) return []
    return [{ layer, weight: formFacts(weight), scheme }]
  })
}

function specsOf({ spec, highestSpec }: CoremlDocument, { target }: Plan): SpecRange {
  const known = COREML_TARGETS.find((each) => each === target)
  ensure(
    known !== undefined,
    'invalid-plan',
    `The plan is for ${target}, which a Core ML package cannot become. Make a plan of this package with \`mixbit plan\`.`,
    { target },
  )
  return specRange(spec, known, highestSpec.spec)
}

function factsOf(facts: ReadonlyMap<string, WeightFacts>, { layer }: LayerPlan): WeightFacts {
  const found = facts.get(layer)
  if (found !== undefined) return found
  throw new MixbitError(
    'invalid-plan',
    `The plan stores "${layer}", which this package does not have. Make a new plan with \`mixbit plan\`.`,
    { layer },
  )
}

function storable(form: CoremlForm | NoCoremlForm | undefined, { layer }: LayerPlan): CoremlForm {
  if (form !== undefined && form.kind !== 'none') return form
  throw new MixbitError(
    'unsupported-scheme',
    `The plan cannot store "${layer}" so: ${form?.reason ?? 'no form'}. Plan again with \`mixbit plan\`.`,
    { layer },
  )
}
