import type { WeightFacts } from '../../audit/audit-types.ts'
import { MixbitError } from '../../base/error.ts'
import type { CoremlForm, NoCoremlForm } from '../../formats/coreml/form-types.ts'
import { coremlForms } from '../../formats/coreml/forms.ts'
import { precisionName } from '../../scheme/precision.ts'
import { lowestTarget } from '../../targets/coreml-systems.ts'
import type { CoremlRequest } from '../draft.ts'
import type { LayerPlan } from '../plan-types.ts'
import type { Decided, FormRequest } from '../planning-types.ts'
import { keptAtMost } from './kept.ts'
import { formBytes, formFacts } from './weight-form.ts'

/** The plans of all weights of a package; what stays as it is needs no form. */
export function plannedWeights(
  decided: readonly Decided[],
  { coreml }: FormRequest,
): readonly LayerPlan[] {
  if (coreml === undefined) throw new TypeError('A Core ML plan needs the versions of its package')
  const stored = decided.filter((decision) => !isUntouched(decision))
  const forms = coremlForms(
    stored.map(({ facts, scheme }) => ({ weight: formFacts(facts), scheme })),
    coreml.specs,
  )
  const byLayer = new Map(stored.map(({ facts }, at) => [facts.layer, forms[at]]))
  return decided.map((decision) =>
    plannedWeight(decision, byLayer.get(decision.facts.layer), coreml),
  )
}

/** Whether a weight stays exactly as it lies in the package. */
export function isUntouched({
  facts,
  scheme,
  kept,
}: Omit<Decided, 'algorithm' | 'reasons'>): boolean {
  if (kept === true) return true
  if (facts.stored?.isCompressed === true || scheme.kind !== 'float') return false
  return scheme.dtype === facts.dtype
}

function plannedWeight(
  decision: Decided,
  found: CoremlForm | NoCoremlForm | undefined,
  coreml: CoremlRequest,
): LayerPlan {
  const form = found && requireForm(found, decision, coreml)
  const { facts, scheme, algorithm, reasons, kept } = decision
  const { layer, component, role, shape } = facts
  return {
    layer,
    component,
    role,
    shape,
    scheme,
    algorithm,
    form: (form?.ops ?? storedOps(facts)).join(' + '),
    bytes:
      form === undefined
        ? { codes: facts.bytes, scales: 0, zeroPoints: 0 }
        : formBytes(keptAtMost(form, facts, scheme)),
    ...(kept === true && { kept: true as const }),
    reasons,
  }
}

function requireForm(
  form: CoremlForm | NoCoremlForm,
  { facts, scheme }: Decided,
  coreml: CoremlRequest,
): CoremlForm {
  if (form.kind !== 'none') return form
  const { layer } = facts
  const name = precisionName(scheme)
  throw new MixbitError(
    'unsupported-scheme',
    `The plan stores "${layer}" as ${name}, but ${form.reason}.${remedy(form, coreml)}`,
    { layer, scheme: name },
  )
}

function remedy({ needs }: NoCoremlForm, { heldBack }: CoremlRequest): string {
  if (needs === undefined) return ''
  if (heldBack !== null)
    return ` The program cannot be raised (${heldBack}): give the layer another scheme.`
  return ` Set "target" to ${lowestTarget(needs)} in the plan, or give the layer another scheme.`
}

function storedOps({ stored }: WeightFacts): readonly string[] {
  return stored?.ops ?? ['const']
}
