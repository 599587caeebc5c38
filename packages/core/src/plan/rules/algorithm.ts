import { bitsPerValue } from '../../scheme/scheme.ts'
import type { Rule } from '../draft.ts'

/** From 4 bits down the best clip is worth its search; at 8 bits covering the range is. */
export const algorithm: Rule = (draft, request) => {
  const isAffine = draft.scheme.kind === 'affine'
  if (!isAffine) return { ...draft, algorithm: 'round' }
  const name = request.algorithm ?? (bitsPerValue(draft.scheme) <= 4 ? 'mse' : 'round')
  return { ...draft, algorithm: name }
}
