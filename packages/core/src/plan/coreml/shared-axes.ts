import type { DenseScheme } from './values.ts'
import type { Rule } from '../draft.ts'
import { valuesOf } from './values.ts'

/**
 * Scales and tables of a weight whose operations want different axes follow one of them: more scales are
 * never worse for its values, whichever axis they lie along, so nothing changes but what is told.
 */
export const sharedAxes: Rule = (draft) => {
  const disagreement = draft.facts.stored?.disagreement
  if (disagreement === undefined || !hasAxis(valuesOf(draft.scheme))) return draft
  const reason = `its operations want different axes: ${disagreement}, and scales or tables do not follow those`
  return { ...draft, reasons: [...draft.reasons, reason] }
}

function hasAxis(values: DenseScheme): boolean {
  return values.kind !== 'float' && values.granularity.kind !== 'per-tensor'
}
