import type { Finding } from '../base/finding.ts'
import { layerOptions } from '../config/layer-options.ts'
import { quoted } from '../config/patterns.ts'
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
  const [asked, ...rules] = first.reasons
  const why = rules.length === 0 ? asked : rules.join('; ')
  const holder = coreml !== undefined && coreml.target === null ? 'Core ML' : target
  return [
    {
      code: 'precision-adapted',
      severity: 'info',
      message:
        `${adapted.length} of ${drafts.length} weights ${adapted.length === 1 ? 'takes' : 'take'} ` +
        `another precision than asked for, because of shapes or of what ${holder} can hold ` +
        `("${first.facts.layer}": ${why}). The plan gives each reason.`,
    },
  ]
}

/** Weights of a package that nobody will miss when they stay float without a word. */
const FEW_VALUES = 2048

/** Names that a message lists. */
const LISTED_NAMES = 3

/** What stays float in a package although something else was asked for, and is not small. */
export function leftFindings(
  drafts: readonly Draft[],
  { coreml }: Pick<PlanRequest, 'coreml'>,
): readonly Finding[] {
  const left = drafts
    .filter(({ isLeft, facts }) => isLeft === true && facts.elements > FEW_VALUES)
    .map(({ facts }) => facts)
  if (left.length === 0 || coreml === undefined) return []
  const bytes = left.reduce((sum, facts) => sum + facts.bytes, 0)
  const names = quoted(left.slice(0, LISTED_NAMES).map(({ layer }) => layer))
  const all = drafts.map(({ facts }) => facts.layer)
  const can = left.filter(({ outputAxis }) => outputAxis !== null).map(({ layer }) => layer)
  const which = can.length === left.length ? 'them' : `${can.length} of them`
  return [
    {
      code: 'left-float',
      severity: 'info',
      message:
        `${left.length} of ${drafts.length} weights ${left.length === 1 ? 'stays' : 'stay'} float as ` +
        `${left.length === 1 ? 'it is' : 'they are'}, ${bytes} bytes: ${names}` +
        `${left.length > LISTED_NAMES ? ' and others' : ''}. ` +
        (can.length === 0
          ? 'The plan gives each reason.'
          : `No operator multiplies by ${which}; to store them otherwise: ${layerOptions(can, 'int8', all)}.`),
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
