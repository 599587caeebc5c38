import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import { MixbitError, ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { CoremlWeight } from '../formats/coreml/document.ts'
import { coremlForms, specRange } from '../formats/coreml/forms.ts'
import type { CoremlModel } from '../formats/coreml/read-package.ts'
import { readCoremlPackage } from '../formats/coreml/read-package.ts'
import { isUntouched } from '../plan/coreml/planned-weights.ts'
import { formFacts } from '../plan/coreml/weight-form.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import type { WeightChange, WrittenCoreml } from '../quantize/write-coreml.ts'
import { writeCoreml } from '../quantize/write-coreml.ts'
import type { SlabLimits } from '../quantize/survey-weight.ts'
import type { Scheme } from '../scheme/scheme.ts'
import { COREML_TARGETS } from '../targets/coreml-versions.ts'

type WritingHost = Pick<Host, 'create' | 'open' | 'within' | 'pool' | 'emit'>

export type QuantizePackageRequest = {
  readonly model: CoremlModel
  readonly audit: Audit
  readonly plan: Plan
  /** An existing folder that becomes the package. */
  readonly folder: string
  /** How weights are cut into jobs; the bytes do not depend on it. */
  readonly limits?: SlabLimits
}

export type QuantizedPackage = WrittenCoreml & { readonly findings: readonly Finding[] }

/** Writes the planned package: only the weights that the plan changes are touched. */
export async function quantizeCoremlPackage(
  host: WritingHost,
  { model, audit, plan, folder, limits }: QuantizePackageRequest,
): Promise<QuantizedPackage> {
  const facts = new Map(audit.weights.map((weight) => [weight.layer, weight]))
  const changed = plan.layers.flatMap((layer) => {
    const weight = factsOf(facts, layer)
    const { scheme, kept } = layer
    return isUntouched({ facts: weight, scheme, kept }) ? [] : [{ layer, weight }]
  })
  const forms = formsOf(model, plan, changed)
  const changes = changed.map(({ layer, weight }, at) => ({
    name: weightName(layer),
    plan: layer,
    form: storable(forms[at], layer),
    largest: largestOf(weight),
  }))
  const spec = model.document.spec
  const written = await writeCoreml(host, {
    model,
    folder,
    changes,
    ...(limits !== undefined && { limits }),
  })
  return { ...written, findings: raisedFindings(spec, written.spec) }
}

type Changed = { readonly layer: LayerPlan; readonly weight: WeightFacts }

function formsOf(
  { document }: CoremlModel,
  { target }: Plan,
  changed: readonly Changed[],
): ReturnType<typeof coremlForms> {
  const known = COREML_TARGETS.find((each) => each === target)
  ensure(
    known !== undefined,
    'invalid-plan',
    `The plan is for ${target}, which a Core ML package cannot become. Make a plan of this package with \`mixbit plan\`.`,
    { target },
  )
  const layers = changed.map(({ layer, weight }) => ({
    weight: formFacts(weight),
    scheme: layer.scheme,
  }))
  return coremlForms(layers, specRange(document.spec, known, document.highestSpec.spec))
}

function factsOf(facts: ReadonlyMap<string, WeightFacts>, { layer }: LayerPlan): WeightFacts {
  const found = facts.get(layer)
  if (found !== undefined) return found
  throw new MixbitError(
    'invalid-plan',
    `The plan stores "${layer}", which this package does not have. Make a new plan with \`mixbit plan\`.`,
    { layer },
  )
}

function storable(form: ReturnType<typeof coremlForms>[number] | undefined, layer: LayerPlan) {
  if (form !== undefined && form.kind !== 'none') return form
  throw new MixbitError(
    'unsupported-scheme',
    `The plan cannot store "${layer.layer}" so: ${form?.reason ?? 'no form'}. Plan again with \`mixbit plan\`.`,
    { layer: layer.layer },
  )
}

function largestOf({ scan }: WeightFacts): number {
  return scan === null ? 0 : Math.max(Math.abs(scan.min), Math.abs(scan.max))
}

/** A layer is named after the component and its weight. */
function weightName({ layer, component }: LayerPlan): string {
  return layer.slice(component.length + 1)
}

/** What raising the version means for the phones that can read the package. */
function raisedFindings(before: number, after: number): readonly Finding[] {
  if (after <= before) return []
  return [
    {
      code: 'spec-raised',
      severity: 'info',
      message:
        `The specification version was raised from ${before} to ${after}, the lowest that the chosen forms have: ` +
        `the package now needs ${SYSTEMS[after] ?? 'a newer system'}. With --target, older systems are kept.`,
    },
  ]
}

/** Which systems read a specification version. https://apple.github.io/coremltools/mlmodel/Format/Model.html */
const SYSTEMS: Readonly<Record<number, string>> = {
  7: 'iOS 16 or macOS 13',
  8: 'iOS 17 or macOS 14',
  9: 'iOS 18 or macOS 15',
  10: 'iOS 26 or macOS 26',
}

export type DecompressRequest = { readonly path: string; readonly folder: string }

export type DecompressedPackage = {
  /** Of the package that was read, and of the one that was written. */
  readonly before: number
  readonly bytes: number
  /** Weights that were compressed and are dense now. */
  readonly weights: number
}

/** Writes a package in which no weight is compressed: each holds the floats that it decodes to. */
export async function decompressCoremlPackage(
  host: WritingHost & Pick<Host, 'list' | 'listFolders'>,
  { path, folder }: DecompressRequest,
): Promise<DecompressedPackage> {
  const model = await readCoremlPackage(host, path)
  try {
    const changes = [...model.document.weights.values()].flatMap((weight) =>
      isCompressed(weight) ? [denseChange(weight, model)] : [],
    )
    const written = await writeCoreml(host, { model, folder, changes })
    return { before: model.bytes, bytes: written.bytes, weights: changes.length }
  } finally {
    await model.close()
  }
}

function isCompressed({ stored }: CoremlWeight): boolean {
  return stored.ops.some((op) => op.startsWith('constexpr_') && op !== 'constexpr_cast')
}

function denseChange(weight: CoremlWeight, { document }: CoremlModel): WeightChange {
  const { name, shape, role, dtype, outputAxis, inputAxis } = weight
  const scheme: Scheme = { kind: 'float', dtype }
  const specs = specRange(document.spec, null, document.highestSpec.spec)
  const [form] = coremlForms([{ weight: { shape, dtype, outputAxis, inputAxis }, scheme }], specs)
  const layer = `model.${name}`
  const plan: LayerPlan = {
    layer,
    component: 'model',
    role,
    shape,
    scheme,
    algorithm: 'round',
    form: 'const',
    bytes: { codes: 0, scales: 0, zeroPoints: 0 },
    reasons: ['dense'],
  }
  return { name, plan, form: storable(form, plan), largest: 0 }
}
