import { bitsPerValue } from '../../scheme/scheme.ts'
import type { Draft, Rule } from '../draft.ts'
import type { DenseScheme } from './values.ts'
import { valuesOf, withValues } from './values.ts'
import { bytesByChannel } from './weight-form.ts'

/**
 * A depthwise filter has few values a channel, of very different sizes: below 8 bits it loses much and
 * saves little. A palette that was asked for by name stays.
 */
export const depthwise: Rule = (draft) => {
  const values = valuesOf(draft.scheme)
  if (draft.facts.role !== 'depthwise-conv' || staysFine(values, draft)) return draft
  return withValues(draft, {
    scheme: bytesByChannel(draft.facts, values.kind === 'affine' ? values : undefined),
    reason: 'a depthwise weight stays at 8 bits per channel',
  })
}

function staysFine(values: DenseScheme, { isLiteral }: Draft): boolean {
  switch (values.kind) {
    case 'float':
      return true
    case 'affine':
      return values.dtype === 'int8' && values.granularity.kind !== 'per-block'
    case 'palette':
      return isLiteral || bitsPerValue(values) >= 8
  }
}
