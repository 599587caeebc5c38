import type { WeightFacts } from '../audit/audit-types.ts'
import { RUNTIME_DEQUANTIZE, bytesByPart, formFor } from '../formats/onnx/forms.ts'
import { dequantizeDomain } from '../targets/onnx-opsets.ts'
import type { LayerPlan } from './plan-types.ts'

/**
 * The plan of one weight: what was decided, with the form and exact bytes that follow from it.
 *
 * @param opsetLimit - the newest opset that its graph can have; any will do by default
 * @throws `unsupported-scheme` when the target cannot hold the scheme
 */
export function plannedLayer(
  facts: WeightFacts,
  decision: Pick<LayerPlan, 'scheme' | 'algorithm' | 'reasons'>,
  opsetLimit: number = Infinity,
): LayerPlan {
  const { layer, component, role, shape } = facts
  const { scheme, algorithm, reasons } = decision
  const standard = formFor({ layer, role, shape, scheme })
  const isOwn =
    standard.name === 'DequantizeLinear' &&
    dequantizeDomain(standard.scheme, opsetLimit) === 'com.microsoft'
  const form = isOwn ? formFor({ layer, role, shape, scheme, form: RUNTIME_DEQUANTIZE }) : standard
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
