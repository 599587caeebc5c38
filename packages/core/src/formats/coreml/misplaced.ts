import type { AffineScheme, PaletteScheme } from '../../scheme/scheme.ts'
import type { CoremlWeightFacts } from './form-types.ts'

/**
 * Why scales or tables cannot lie along the axis of a scheme; null where they can. The names of precisions
 * mean the channels that operators give and take, so another axis would be written under an untrue name.
 */
export function misplaced(
  { outputAxis, inputAxis }: Pick<CoremlWeightFacts, 'outputAxis' | 'inputAxis'>,
  { kind, granularity }: AffineScheme | PaletteScheme,
): string | null {
  if (granularity.kind === 'per-tensor') return null
  const { axis } = granularity
  if (kind === 'palette') {
    if (axis === outputAxis) return null
    return `groups that share a table lie along its output axis, which is ${outputAxis}, not ${axis}`
  }
  if (granularity.kind === 'per-channel') {
    if (axis === outputAxis) return null
    return `a scale a channel lies along its output axis, which is ${outputAxis}, not ${axis}`
  }
  if (axis === inputAxis) return null
  return `blocks that share a scale lie along its input axis, which is ${inputAxis}, not ${axis}`
}
