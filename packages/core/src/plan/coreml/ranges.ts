import type { WeightFacts } from '../../audit/audit-types.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { Scheme } from '../../scheme/scheme.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import { MAX_HALF } from '../../tensor/float16.ts'
import type { Rule } from '../draft.ts'
import { changed } from '../draft.ts'
import { valuesOf } from './values.ts'
import { plainFloat } from './weight-form.ts'

/** Rounding a scale to fp16 may enlarge it, and with it every decoded value, by this much. */
const SCALE_ROUNDING = 1 + 2 ** -11

/** Values that fp16 cannot hold stay float, as they lie in the package. */
export const ranges: Rule = (draft) => {
  const reason = beyondHalf(draft.facts, draft.scheme)
  if (reason === null) return draft
  const plain = plainFloat(draft.facts)
  return changed(draft, plain, `${reason}: ${precisionName(plain)}`)
}

/** Why values, or what scales of fp16 decode to, would leave fp16; null when all fit. */
export function beyondHalf(facts: WeightFacts, scheme: Scheme): string | null {
  if (facts.scan === null) return null
  const largest = Math.max(Math.abs(facts.scan.min), Math.abs(facts.scan.max))
  const values = valuesOf(scheme)
  const text = `values up to ${largest.toPrecision(6)}`
  switch (values.kind) {
    case 'float':
      return values.dtype === 'float16' && largest > MAX_HALF
        ? `${text} do not fit fp16 (${MAX_HALF})`
        : null
    case 'affine': {
      if (values.scaleDtype === 'float32') return null
      const levels = 2 ** (INTEGER_BITS[values.dtype] - 1) - 1
      // Codes of int8 are symmetric; those of int4 go one step further below zero.
      const steps = values.dtype === 'int8' && values.symmetric ? levels : levels + 1
      const reached = (largest / levels) * steps * SCALE_ROUNDING
      return reached > MAX_HALF ? `${text} could decode beyond fp16 (${MAX_HALF})` : null
    }
    // Entries of a table are fp16 values between those of the weight.
    case 'palette':
      return null
  }
}
