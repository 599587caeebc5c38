import { onnxForm } from '../../formats/onnx/forms.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import type { Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/** The largest finite fp16. */
const LARGEST_HALF = 65504

/**
 * A fp16 scale below this has fewer than 8 significant bits (its last place is 2^-24), so that
 * rounding it would clip or coarsen the block.
 */
const SMALLEST_GOOD_HALF_SCALE = 2 ** -17

/** Values and scales that fp16 cannot hold are kept in fp32. */
export const ranges: Rule = (draft) => {
  const { scheme, facts } = draft
  const scan = facts.scan
  if (scheme.kind === 'float') {
    if (scheme.dtype !== 'float16' || scan === null) return draft
    const largest = Math.max(Math.abs(scan.min), Math.abs(scan.max))
    if (largest <= LARGEST_HALF) return draft
    return changed(
      draft,
      { kind: 'float', dtype: 'float32' },
      `values up to ${largest.toPrecision(3)} do not fit fp16 (65504): fp32`,
    )
  }
  if (scheme.kind !== 'affine' || scheme.scaleDtype === 'float32') return draft
  if (isLinearByChannel(draft)) {
    return changed(
      draft,
      { ...scheme, scaleDtype: 'float32' },
      'fp32 scales: with these ONNX Runtime fuses DequantizeLinear and MatMul',
    )
  }
  if (scan === null || scan.smallestGroup === null) return draft
  const levels = 2 ** (INTEGER_BITS[scheme.dtype] - 1)
  const largestScale = Math.max(Math.abs(scan.min), Math.abs(scan.max)) / (levels - 1)
  if (scan.smallestGroup / levels >= SMALLEST_GOOD_HALF_SCALE && largestScale <= LARGEST_HALF) {
    return draft
  }
  return changed(
    draft,
    { ...scheme, scaleDtype: 'float32' },
    'some scales do not fit fp16: fp32 scales',
  )
}

const isLinearByChannel = (draft: Parameters<Rule>[0]): boolean => {
  const form = onnxForm(draft.facts.role, draft.facts.shape, draft.scheme)
  return draft.facts.role === 'linear' && form.kind === 'affine' && form.name === 'DequantizeLinear'
}
