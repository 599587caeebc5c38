import type { Rule, RuleTable } from './rule.ts'
import { AXES_RULES } from './rules/axes.ts'
import { ELEMENTWISE_RULES } from './rules/elementwise.ts'
import { LEGACY_RULES } from './rules/legacy.ts'
import { NORMALIZATION_RULES } from './rules/normalization.ts'
import { RESIZE_RULES } from './rules/resize.ts'
import { SAMPLING_RULES } from './rules/sampling.ts'
import { SCAN_RULES } from './rules/scan.ts'
import { SOFTMAX_RULES } from './rules/softmax.ts'

const FAMILIES: readonly RuleTable[] = [
  AXES_RULES,
  ELEMENTWISE_RULES,
  LEGACY_RULES,
  NORMALIZATION_RULES,
  RESIZE_RULES,
  SAMPLING_RULES,
  SCAN_RULES,
  SOFTMAX_RULES,
]

/** The rule that takes a node of `op` to the operator set `version`. */
export function ruleFor(op: string, version: number): Rule | undefined {
  for (const family of FAMILIES) {
    const rules = Object.hasOwn(family, op) ? family[op] : undefined
    if (rules?.[version] !== undefined) return rules[version]
  }
  return undefined
}
