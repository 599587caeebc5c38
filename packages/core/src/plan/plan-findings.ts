import type { WeightFacts } from '../audit/audit-types.ts'
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
  const more = left.length > LISTED_NAMES ? ' and others' : ''
  const which =
    left.length === 1 ? 'weights stays float as it is' : 'weights stay float as they are'
  return [
    {
      code: 'left-float',
      severity: 'info',
      message: `${left.length} of ${drafts.length} ${which}, ${bytes} bytes: ${names}${more}. ${remedyOf(left, drafts)}`,
    },
  ]
}

function remedyOf(left: readonly WeightFacts[], drafts: readonly Draft[]): string {
  const can = left.filter(({ outputAxis }) => outputAxis !== null).map(({ layer }) => layer)
  if (can.length === 0) return 'The plan gives each reason.'
  const all = drafts.map(({ facts }) => facts.layer)
  const options = layerOptions(can, 'int8', all)
  const them =
    can.length === left.length ? (can.length === 1 ? 'it' : 'them') : `${can.length} of them`
  return `No operator multiplies by ${them}; to store ${can.length === 1 ? 'it' : 'those'} otherwise: ${options}.`
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
