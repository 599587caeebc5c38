import { onnxForm } from '../../formats/onnx/forms.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { AffineScheme } from '../../scheme/scheme.ts'
import { opsetForDequantize } from '../../targets/onnx-opsets.ts'
import type { Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/**
 * A model that cannot be brought to a newer opset takes what its own has: 8 bits with float32
 * scales, or its float values. ONNX Runtime's own operators do not depend on the opset.
 */
export const opset: Rule = (draft, request) => {
  const { scheme, facts } = draft
  const limits = request.opsetLimit ?? {}
  const opsetLimit = Object.hasOwn(limits, facts.component) ? limits[facts.component] : undefined
  if (opsetLimit === undefined || scheme.kind !== 'affine') return draft
  const form = onnxForm(facts.role, facts.shape, scheme)
  if (form.kind !== 'affine' || form.name !== 'DequantizeLinear') return draft
  const needed = opsetForDequantize(scheme)
  if (needed <= opsetLimit) return draft
  const reason = `needs opset ${needed}, and the model stays at ${opsetLimit}`
  const plain = plainBytes(scheme, facts.outputAxis ?? 0)
  if (opsetForDequantize(plain) <= opsetLimit) {
    return changed(draft, plain, `${reason}: ${precisionName(plain)}`)
  }
  const dtype = facts.dtype === 'float16' ? 'float16' : 'float32'
  return changed(draft, { kind: 'float', dtype }, `${reason}: stays float`)
}

/** 8 bits with float32 scales: one a channel, or the one of the tensor where that was wanted. */
function plainBytes(scheme: AffineScheme, axis: number): AffineScheme {
  const isOneScale = scheme.dtype === 'int8' && scheme.granularity.kind === 'per-tensor'
  return {
    ...scheme,
    dtype: 'int8',
    granularity: isOneScale ? scheme.granularity : { kind: 'per-channel', axis },
    scaleDtype: 'float32',
  }
}
