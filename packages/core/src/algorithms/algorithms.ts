import { mseRule } from './mse.ts'
import { roundRule } from './round.ts'
import type { ScaleRule } from './scale-rule.ts'

/** The names used in plans, on the command line and in the documentation. */
export type AlgorithmName = 'round' | 'mse'

export const scaleRules: Readonly<Record<AlgorithmName, ScaleRule>> = {
  round: roundRule,
  mse: mseRule,
}
