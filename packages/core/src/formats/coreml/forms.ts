import { largestOf } from '../../base/largest.ts'
import type { Scheme } from '../../scheme/scheme.ts'
import { systemOfSpec } from '../../targets/coreml-systems.ts'
import {
  COREML_SPECS,
  FIRST_PROGRAM_SPEC,
  INPUTS_SPEC,
  NEWEST_SPEC,
} from '../../targets/coreml-versions.ts'
import type { CoremlTarget } from '../../targets/coreml-versions.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { denseForm } from './dense-forms.ts'
import { noForm } from './form-types.ts'
import type { CoremlForm, CoremlWeightFacts, NoCoremlForm, SpecRange } from './form-types.ts'
import { newestFeatures } from './newest-features.ts'
import { sparseForm } from './sparse-forms.ts'

/**
 * The specification versions that a package of version `spec` may get. A target of iOS 18 uses the
 * operations of iOS 18 throughout; without a target the version is raised only as forms need.
 *
 * Functions that have operator sets of their own may be too far apart: where the newest wants the
 * operations of iOS 18 and another cannot be raised to them, no form but floats fits both, and `highest`
 * says so.
 *
 * @param spec - of the newest operator set: `CoremlDocument.spec`
 * @param reachable - how far all functions can be raised: `CoremlDocument.highestSpec.spec`
 */
export function specRange(
  spec: number,
  target: CoremlTarget | null,
  reachable: number = NEWEST_SPEC,
): SpecRange {
  const own = Math.max(spec, FIRST_PROGRAM_SPEC)
  const isApart = own >= INPUTS_SPEC && reachable < INPUTS_SPEC
  const most = Math.max(FIRST_PROGRAM_SPEC, isApart ? 0 : reachable)
  if (most < own) return { lowest: own, highest: most }
  if (target === null) return { lowest: own, highest: most }
  const wanted = Math.max(own, Math.min(most, COREML_SPECS[target]))
  return { lowest: wanted >= INPUTS_SPEC ? wanted : own, highest: wanted }
}

/** Said where functions have operator sets that are too far apart. */
export const APART = 'no compressed form fits every function of the package'

/** The form in which Core ML holds a weight within these versions, or why there is none. */
export function coremlForm(
  weight: CoremlWeightFacts,
  scheme: Scheme,
  specs: SpecRange,
): CoremlForm | NoCoremlForm {
  if (weight.shape.length === 0) return noForm('a single number stays as it is')
  if (elementsOf(weight.shape) === 0) return noForm('it has no values')
  const form =
    scheme.kind === 'sparse' ? sparseForm(weight, scheme, specs) : denseForm(weight, scheme, specs)
  if (form.kind === 'none' || form.spec <= specs.highest) return form
  if (form.spec <= specs.lowest) return noForm(APART)
  return noForm(tooNew(form), form.spec)
}

/** Operations alone do not say it: iOS 16 has some of them already, for less. */
function tooNew(form: CoremlForm): string {
  const system = `${systemOfSpec(form.spec)} is the first system`
  const features = form.spec < INPUTS_SPEC ? [] : newestFeatures(form)
  return features.length === 0
    ? `${system} that reads ${form.ops.join(' + ')}`
    : `${system} with ${features.join(' and ')}`
}

/**
 * The forms of several weights of one package: as soon as one needs iOS 18, all are written with the
 * operations of iOS 18, because one operator set holds for a whole function.
 */
export function coremlForms(
  layers: readonly { readonly weight: CoremlWeightFacts; readonly scheme: Scheme }[],
  specs: SpecRange,
): readonly (CoremlForm | NoCoremlForm)[] {
  const forms = layers.map(({ weight, scheme }) => coremlForm(weight, scheme, specs))
  const lowest = largestOf(specs.lowest, forms.map(specOf))
  if (lowest === specs.lowest) return forms
  return layers.map(({ weight, scheme }) => coremlForm(weight, scheme, { ...specs, lowest }))
}

/** The version a form needs; 0 when there is none. */
export function specOf(form: CoremlForm | NoCoremlForm): number {
  return form.kind === 'none' ? 0 : form.spec
}
