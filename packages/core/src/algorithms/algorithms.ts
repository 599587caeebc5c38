import { ensure } from '../base/error.ts'
import type { Algorithm, LayerAlgorithm, PaletteRule } from '../config/settings.ts'
import { ALGORITHMS, PALETTE_RULES } from '../config/settings.ts'
import { mseRule } from './mse.ts'
import { roundRule } from './round.ts'
import type { ScaleRule } from './scale-rule.ts'

/** How each algorithm chooses a scale. */
export const scaleRules: Readonly<Record<Algorithm, ScaleRule>> = {
  round: roundRule,
  mse: mseRule,
}

/** The algorithm of a layer whose values have scales. Throws `invalid-plan` for one that fills tables. */
export function scaleAlgorithm(layer: string, algorithm: LayerAlgorithm): Algorithm {
  const found = ALGORITHMS.find((name) => name === algorithm)
  ensure(
    found !== undefined,
    'invalid-plan',
    `The plan stores "${layer}" with scales, and "${algorithm}" fills tables. Use ${ALGORITHMS.join(' or ')} for it.`,
    { layer, algorithm },
  )
  return found
}

/** The algorithm of a layer whose values are in tables. Throws `invalid-plan` for one that chooses scales. */
export function paletteRule(layer: string, algorithm: LayerAlgorithm): PaletteRule {
  const found = PALETTE_RULES.find((name) => name === algorithm)
  ensure(
    found !== undefined,
    'invalid-plan',
    `The plan stores "${layer}" in tables, and "${algorithm}" chooses scales. Use one of ${PALETTE_RULES.join(', ')} for it.`,
    { layer, algorithm },
  )
  return found
}
