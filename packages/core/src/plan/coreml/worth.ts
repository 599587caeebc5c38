import { coremlForm } from '../../formats/coreml/forms.ts'
import type { SpecRange } from '../../formats/coreml/form-types.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { Scheme } from '../../scheme/scheme.ts'
import type { Draft, Rule } from '../draft.ts'
import { changed } from '../draft.ts'
import { keptAtMost } from './kept.ts'
import { bytesInFile, formFacts, plainFloat } from './weight-form.ts'

/** What would take no fewer bytes than a plainer, more precise form gives way to it. */
export const worth: Rule = (draft, { coreml }) =>
  coreml === undefined ? draft : worthFloats(worthMask(draft, coreml.specs), coreml.specs)

/** A mask costs a bit a value: with few zeros all values take less. */
function worthMask(draft: Draft, specs: SpecRange): Draft {
  const { scheme } = draft
  if (scheme.kind !== 'sparse' || isUnknown(scheme)) return draft
  if (sizeOf(draft, scheme, specs) < sizeOf(draft, scheme.values, specs)) return draft
  const reason = 'with its mask it would take no less room than all values'
  return changed(draft, scheme.values, `${reason}: ${precisionName(scheme.values)}`)
}

/** Tables and scales of a small weight can take more than its codes save. */
function worthFloats(draft: Draft, specs: SpecRange): Draft {
  const { scheme, facts } = draft
  const plain = plainFloat(facts)
  if (scheme.kind === 'float' || isUnknown(scheme)) return draft
  if (sizeOf(draft, scheme, specs) < sizeOf(draft, plain, specs)) return draft
  const name = precisionName(scheme)
  return changed(draft, plain, `${name} would take no less room: ${precisionName(plain)}`)
}

/** How many values lie under a threshold is known when they are read, except for the zeros. */
function isUnknown(scheme: Scheme): boolean {
  return (
    scheme.kind === 'sparse' && scheme.pattern.kind === 'threshold' && scheme.pattern.magnitude > 0
  )
}

function sizeOf({ facts }: Draft, scheme: Scheme, specs: SpecRange): number {
  const form = coremlForm(formFacts(facts), scheme, specs)
  if (form.kind === 'none') return Number.POSITIVE_INFINITY
  return bytesInFile(keptAtMost(form, facts, scheme))
}
