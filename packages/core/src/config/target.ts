import { MixbitError } from '../base/error.ts'
import { suggestion } from './nearest.ts'
import { PLANNED_TARGETS, TARGETS } from './settings.ts'
import type { Target } from './settings.ts'

/** Reads the name of a target. Throws `unsupported-target`, and says what can be written today. */
export function parseTarget(text: string): Target {
  const target = TARGETS.find((each) => each === text)
  if (target !== undefined) return target
  const problem = PLANNED_TARGETS.includes(text)
    ? `The target "${text}" cannot be written yet.`
    : `"${text}" is not a target.${suggestion(text, TARGETS)}`
  throw new MixbitError('unsupported-target', `${problem} Use one of ${TARGETS.join(', ')}.`, {
    target: text,
    supported: TARGETS,
  })
}
