import type { Finding } from '../base/finding.ts'
import { storedBytes } from '../formats/part-bytes.ts'
import { precisionName } from '../scheme/precision.ts'
import type { Draft, PlanRequest } from './draft.ts'
import type { LayerPlan } from './plan-types.ts'

/** What the target or the shapes changed against what was asked for, for everyone to see. */
export function adaptedFindings(
  drafts: readonly Draft[],
  request: PlanRequest,
): readonly Finding[] {
  const adapted = drafts.filter(
    (draft) => draft.isLiteral && draft.asked !== precisionName(draft.scheme),
  )
  const [first] = adapted
  if (first === undefined) return []
  return [
    {
      code: 'precision-adapted',
      severity: 'info',
      message:
        `${adapted.length} of ${drafts.length} weights take another precision than asked for, ` +
        `because of their shapes or of what ${request.target} can hold ` +
        `("${first.facts.layer}": ${first.reasons.slice(1).join('; ')}). The plan gives each reason.`,
    },
  ]
}

/** What a container that cannot share a table would cost. */
export function sharedTableFindings(layer: LayerPlan): readonly Finding[] {
  if (layer.role !== 'tied-embedding') return []
  return [
    {
      code: 'table-shared',
      severity: 'info',
      subject: layer.layer,
      message:
        `"${layer.layer}" is both the token table and the output head. It is stored once where ` +
        `graphs can share it; --self-contained stores it again, ${storedBytes([layer])} bytes more.`,
    },
  ]
}
