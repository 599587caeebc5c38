import { bitsPerValue } from '../../scheme/scheme.ts'
import type { Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/**
 * A depthwise filter has one input channel, so there is nothing to share a scale along, and few
 * values: below 8 bits it loses much and saves little.
 */
export const depthwise: Rule = (draft) => {
  const { facts, scheme } = draft
  if (facts.role !== 'depthwise-conv' || scheme.kind === 'float') return draft
  const isPerChannel = scheme.kind === 'affine' && scheme.granularity.kind === 'per-channel'
  if (bitsPerValue(scheme) >= 8 && isPerChannel) return draft
  if (
    bitsPerValue(scheme) >= 8 &&
    scheme.kind === 'affine' &&
    scheme.granularity.kind === 'per-tensor'
  ) {
    return draft
  }
  return changed(
    draft,
    {
      kind: 'affine',
      dtype: 'int8',
      symmetric: scheme.kind === 'affine' ? scheme.symmetric : true,
      granularity: { kind: 'per-channel', axis: 0 },
      scaleDtype: 'float16',
    },
    'a depthwise weight stays at 8 bits per channel',
  )
}
