import type { Finding } from '../base/finding.ts'
import { STORED_RULES } from '../targets/coreml-devices.ts'
import { PROGRAM_RULES } from '../targets/coreml-program-rules.ts'

/** Codes of what follows from layers and their package alone, whoever decided about the layers. */
const FOUND_AGAIN: ReadonlySet<string> = new Set([
  ...STORED_RULES.flatMap(({ finding }) => finding?.code ?? []),
  ...Object.values(PROGRAM_RULES).map(({ finding }) => finding.code),
  'already-compressed',
  'mostly-zero',
  'nothing-changed',
  'spec-raised',
])

/**
 * The findings of a plan that was put on a package again: what follows from its layers is that of the
 * layers as they are now, and what only its making knew stays.
 */
export function refreshedFindings(
  given: readonly Finding[],
  found: readonly Finding[],
): readonly Finding[] {
  const codes = new Set(found.map(({ code }) => code))
  return [...given.filter(({ code }) => !FOUND_AGAIN.has(code) && !codes.has(code)), ...found]
}
