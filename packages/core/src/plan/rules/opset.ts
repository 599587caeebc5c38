import { onnxForm } from '../../formats/onnx/forms.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { AffineScheme } from '../../scheme/scheme.ts'
import { dequantizeDomain, opsetForDequantize } from '../../targets/onnx-opsets.ts'
import type { Draft, PlanRequest, Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/**
 * A model that cannot be brought to a newer opset has ONNX Runtime's own DequantizeLinear, which takes
 * 8 and 4 bits with fp32 scales; what ai.onnx has at its opset is left to ai.onnx. Other operators of
 * ONNX Runtime do not depend on the opset.
 */
export const opset: Rule = (draft, request) => {
  const { scheme, facts } = draft
  const limit = opsetLimitOf(request, facts.component)
  if (limit === undefined || scheme.kind !== 'affine') return draft
  const needed = neededOpset(draft, scheme)
  if (needed <= limit) return draft
  const plain: AffineScheme = {
    ...scheme,
    dtype: scheme.dtype === 'int2' ? 'int4' : scheme.dtype,
    scaleDtype: 'float32',
  }
  const own =
    dequantizeDomain(plain, limit) === 'ai.onnx' ? '' : ", by ONNX Runtime's own DequantizeLinear"
  return changed(
    draft,
    plain,
    `needs opset ${needed}, and the model can have ${limit} at most: ${precisionName(plain)} with fp32 scales${own}`,
  )
}

/** The newest opset that the graph of a component can have; undefined when any will do. */
export function opsetLimitOf(
  { opsetLimit }: Pick<PlanRequest, 'opsetLimit'>,
  component: string,
): number | undefined {
  if (opsetLimit === null || !Object.hasOwn(opsetLimit, component)) return undefined
  return opsetLimit[component]
}

function neededOpset({ facts }: Draft, scheme: AffineScheme): number {
  const form = onnxForm(facts.role, facts.shape, scheme)
  if (form.kind !== 'affine' || form.name !== 'DequantizeLinear') return 0
  return opsetForDequantize(form.scheme)
}
