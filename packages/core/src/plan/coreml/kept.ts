import type { WeightFacts } from '../../audit/audit-types.ts'
import type { CoremlForm, CoremlPart } from '../../formats/coreml/form-types.ts'
import type { SparseScheme } from '../../scheme/scheme.ts'

/** The same form where the zeros that a scan found make fewer values kept: they are never stored. */
export function keptAtMost(
  form: CoremlForm,
  facts: WeightFacts,
  pattern: SparseScheme['pattern'],
): CoremlForm {
  const share = 1 - (facts.scan?.zeros ?? 0) / Math.max(1, facts.elements)
  if (form.kind !== 'sparse' || pattern.kind !== 'threshold') return form
  return { ...form, parts: form.parts.map((part) => keptPart(part, share)) }
}

function keptPart(part: CoremlPart, share: number): CoremlPart {
  return part.bytes === null ? { ...part, mostBytes: Math.ceil(part.mostBytes * share) } : part
}
