import type { Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/**
 * A depthwise filter has one input channel, so there is nothing to share a scale along, and few
 * values: below 8 bits it loses much and saves little.
 */
export const depthwise: Rule = (draft) => {
  const { facts, scheme } = draft
  if (facts.role !== 'depthwise-conv' || scheme.kind !== 'affine') return draft
  if (scheme.dtype === 'int8' && scheme.granularity.kind !== 'per-block') return draft
  return changed(
    draft,
    { ...scheme, dtype: 'int8', granularity: { kind: 'per-channel', axis: 0 } },
    'a depthwise weight stays at 8 bits per channel',
  )
}
