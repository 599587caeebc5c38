import type { Finding } from '../base/finding.ts'
import { PALETTE_RULES } from '../config/settings.ts'
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
  const { coreml, target } = request
  const holder = coreml !== undefined && coreml.target === null ? 'Core ML' : target
  return [
    {
      code: 'precision-adapted',
      severity: 'info',
      message:
        `${adapted.length} of ${drafts.length} weights take another precision than asked for, ` +
        `because of their shapes or of what ${holder} can hold ` +
        `("${first.facts.layer}": ${first.reasons.slice(1).join('; ')}). The plan gives each reason.`,
    },
  ]
}

/** An algorithm that fits nothing that is stored was asked for in vain. */
export function unusedAlgorithm(
  layers: readonly LayerPlan[],
  { algorithm, coreml }: PlanRequest,
): readonly Finding[] {
  if (algorithm === null || layers.some((layer) => layer.algorithm === algorithm)) return []
  const fillsTables = PALETTE_RULES.some((name) => name === algorithm)
  if (coreml === undefined && !fillsTables) return []
  return [
    {
      code: 'algorithm-unused',
      severity: 'info',
      message:
        `Nothing in this plan uses "${algorithm}": it ` +
        (fillsTables
          ? 'fills the tables of palettes, such as palette4.'
          : 'chooses the scales of integers, such as int8.'),
    },
  ]
}
