import type { Target } from '../config/settings.ts'
import { familyOf } from '../plan/planning.ts'

/** What to do for a Core ML package, when the input is none; '' for other targets. */
export function packageHint(target: Target): string {
  if (familyOf(target) !== 'coreml') return ''
  return (
    ' A Core ML package is made from a Core ML package: convert the model with coremltools and give ' +
    'Mixbit the .mlpackage.'
  )
}
