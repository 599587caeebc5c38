import type { WeightFacts } from '../audit/audit-types.ts'
import { ensure } from '../base/error.ts'
import { precisionName } from '../scheme/precision.ts'
import { isSameScheme } from '../scheme/same-scheme.ts'
import type { LayerPlan } from './plan-types.ts'
import { storedScheme } from './stored-scheme.ts'

/**
 * Refuses to keep what is not compressed, and to tell of a kept weight what it is not: nothing is
 * written of it, so its scheme can only be the stored one.
 *
 * @throws `invalid-plan`
 */
export function checkKept(
  facts: WeightFacts,
  { kept, scheme }: Pick<LayerPlan, 'kept' | 'scheme'>,
  file: string,
): void {
  if (kept !== true) return
  const { layer, stored } = facts
  ensure(
    stored?.isCompressed === true,
    'invalid-plan',
    `"${file}" keeps "${layer}" as it lies in the file, but only compressed weights of Core ML packages ` +
      'are kept, and it is none. Remove "kept" from it.',
    { file, layer },
  )
  const expected = storedScheme(facts, stored)
  const [asked, is] = [precisionName(scheme), precisionName(expected)]
  ensure(
    isSameScheme(scheme, expected),
    'invalid-plan',
    `"${file}" keeps "${layer}" as it lies in the package (${stored.precision}), but gives it ` +
      `${asked === is ? 'another scheme of this name' : `the scheme ${asked}`}. Remove "kept" to store it otherwise.`,
    { file, layer, found: asked, expected: is },
  )
}
