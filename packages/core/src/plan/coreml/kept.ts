import { leastZeros } from '../../algorithms/prune/prune-scores.ts'
import type { WeightFacts } from '../../audit/audit-types.ts'
import type { CoremlForm, CoremlPart } from '../../formats/coreml/form-types.ts'
import { packedBytes } from '../../formats/coreml/mil-dtype.ts'
import type { Scheme, SparseScheme } from '../../scheme/scheme.ts'
import { formFacts } from './weight-form.ts'

type Pattern = SparseScheme['pattern']

/** How many values a mask keeps. */
type Kept = { readonly values: number; readonly isExact: boolean }

/**
 * The form of a weight with as many kept values as are known from its facts. Zeros that a scan found are
 * never stored; where they are what the pattern would make zero as well, the number is exact.
 */
export function keptAtMost(form: CoremlForm, facts: WeightFacts, scheme: Scheme): CoremlForm {
  if (form.kind !== 'sparse' || scheme.kind !== 'sparse') return form
  return withKept(form, keptOf(facts, scheme.pattern))
}

/** The form with a number of kept values that was counted. */
export function withKept(form: CoremlForm, { values, isExact }: Kept): CoremlForm {
  // A mask that keeps nothing keeps one value, because readers refuse empty arrays.
  const count = Math.max(1, values)
  const known = (part: CoremlPart): CoremlPart => {
    if (part.bytes !== null) return part
    const mostBytes = packedBytes(part.dtype, count)
    return { ...part, mostBytes, bytes: isExact ? mostBytes : null }
  }
  return { ...form, parts: form.parts.map(known) }
}

function keptOf(facts: WeightFacts, pattern: Pattern): Kept {
  const { scan, elements } = facts
  const zeros = scan?.zeros ?? 0
  const { shape, outputAxis, inputAxis } = formFacts(facts)
  const asked = leastZeros({ shape, outputAxis, inputAxis, pattern })
  const values = elements - Math.max(asked, zeros)
  const isScanned = scan !== null && scan.notFinite === 0
  return { values, isExact: isScanned && isDecided(facts, pattern) }
}

/** Whether the number of zeros follows from the pattern and the zeros that are there. */
function isDecided({ scan, shape, outputAxis }: WeightFacts, pattern: Pattern): boolean {
  switch (pattern.kind) {
    // The smallest magnitudes: zeros first.
    case 'fraction':
      return true
    case 'structured':
      return scan?.zeros === 0 && (shape[outputAxis ?? 0] ?? 1) % pattern.size === 0
    case 'n-of-m':
      return scan?.zeros === 0
    case 'threshold':
      return pattern.magnitude === 0
  }
}
