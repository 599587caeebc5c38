import { bytesByPart, onnxForm } from '../../formats/onnx/forms.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { AffineScheme, FloatScheme } from '../../scheme/scheme.ts'
import type { Draft, Rule } from '../draft.ts'
import { changed } from '../draft.ts'
import { halfOverflow } from './ranges.ts'

/**
 * Integers whose scales and zero points take more bytes than the codes themselves, or which take as
 * many bytes as fp16 would, become 8 bits a channel; where that is no better, fp16.
 */
export const worth: Rule = (draft) => {
  const { scheme, facts } = draft
  if (scheme.kind !== 'affine' || isWorth(draft, scheme)) return draft
  const reason = 'scales would take more than the codes that they are for'
  const bytes: AffineScheme = {
    ...scheme,
    dtype: 'int8',
    granularity: { kind: 'per-channel', axis: facts.outputAxis ?? 0 },
  }
  const next = isWorth(draft, bytes) ? bytes : halfOf(draft)
  return changed(draft, next, `${reason}: ${precisionName(next)}`)
}

/** Whether a form is smaller than fp16 values, and spends less on scales than on codes. */
function isWorth({ facts }: Draft, scheme: AffineScheme): boolean {
  const form = onnxForm(facts.role, facts.shape, scheme)
  if (form.kind === 'none') return false
  const { codes, scales, zeroPoints } = bytesByPart(form)
  return scales + zeroPoints <= codes && codes + scales + zeroPoints < 2 * facts.elements
}

function halfOf({ facts }: Draft): FloatScheme {
  const half = { kind: 'float', dtype: 'float16' } as const
  return halfOverflow(facts, half) === null ? half : { kind: 'float', dtype: 'float32' }
}
