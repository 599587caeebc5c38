import type { WeightFacts } from '../audit/audit-types.ts'
import { bytesByPart, formFor } from '../formats/onnx/forms.ts'
import type { LayerPlan } from './plan-types.ts'

/**
 * The plan of one weight: what was decided, with the form and exact bytes that follow from it.
 *
 * @throws `unsupported-scheme` when the target cannot hold the scheme
 */
export function plannedLayer(
  facts: WeightFacts,
  decision: Pick<LayerPlan, 'scheme' | 'algorithm' | 'reasons'>,
): LayerPlan {
  const { layer, component, role, shape } = facts
  const { scheme, algorithm, reasons } = decision
  const form = formFor({ layer, role, shape, scheme })
  return {
    layer,
    component,
    role,
    shape,
    scheme,
    algorithm,
    form: form.name,
    bytes: bytesByPart(form),
    reasons,
  }
}
