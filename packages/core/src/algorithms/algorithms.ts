import type { Algorithm } from '../config/settings.ts'
import { mseRule } from './mse.ts'
import { roundRule } from './round.ts'
import type { ScaleRule } from './scale-rule.ts'

/** How each algorithm chooses a scale. */
export const scaleRules: Readonly<Record<Algorithm, ScaleRule>> = {
  round: roundRule,
  mse: mseRule,
}
