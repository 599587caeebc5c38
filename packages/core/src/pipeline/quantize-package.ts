import type { Audit, WeightScan } from '../audit/audit-types.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { CoremlDocument, CoremlWeight } from '../formats/coreml/document.ts'
import { coremlForm, specRange } from '../formats/coreml/forms.ts'
import type { CoremlModel, PackageHost } from '../formats/coreml/read-package.ts'
import { readCoremlPackage } from '../formats/coreml/read-package.ts'
import { codesAsStored, formOfCodes } from '../formats/coreml/stored-again.ts'
import type { LayerPlan, Plan } from '../plan/plan-types.ts'
import type { WeightChange } from '../quantize/slab-inputs.ts'
import type { WrittenCoreml } from '../quantize/write-coreml.ts'
import { writeCoreml } from '../quantize/write-coreml.ts'
import type { SlabLimits } from '../quantize/survey-weight.ts'
import type { Scheme } from '../scheme/scheme.ts'
import { elementsOf } from '../tensor/weight.ts'
import { plannedSize, raisedFindings, weightName } from './forecast-plan.ts'
import { neededSpec, plannedForms } from './planned-forms.ts'

type WritingHost = Pick<Host, 'create' | 'createFolder' | 'open' | 'within' | 'pool' | 'emit'>

export type QuantizePackageRequest = {
  readonly model: CoremlModel
  readonly audit: Audit
  readonly plan: Plan
  /** An existing folder that becomes the package. */
  readonly folder: string
  /** How weights are cut into jobs; the bytes do not depend on it. */
  readonly limits?: SlabLimits
}

export type QuantizedPackage = WrittenCoreml & {
  /** What the package was expected to take: exactly that, unless masks made it the most. */
  readonly predictedBytes: number
  readonly findings: readonly Finding[]
}

/** Writes the planned package: only the weights that the plan changes are touched. */
export async function quantizeCoremlPackage(
  host: WritingHost,
  { model, audit, plan, folder, limits }: QuantizePackageRequest,
): Promise<QuantizedPackage> {
  const { document } = model
  const forms = plannedForms(document, audit, plan)
  const scans = new Map(audit.weights.map(({ layer, scan }) => [layer, scan]))
  const changes: WeightChange[] = []
  for (const layer of plan.layers) {
    const form = forms.get(layer.layer)
    if (form === undefined) continue
    const largest = largestOf(scans.get(layer.layer) ?? null)
    changes.push(await withCodes({ name: weightName(layer), plan: layer, form, largest }, document))
  }
  const predicted = await plannedSize(host, model, audit, plan)
  const cut = limits === undefined ? {} : { limits }
  const written = await writeCoreml(host, { model, folder, changes, ...cut })
  const raised = {
    before: document.spec,
    after: written.spec,
    needed: neededSpec(document, audit, plan),
    target: plan.target,
  }
  return {
    ...written,
    predictedBytes: predicted.bytes,
    findings: raisedFindings(raised, 'was'),
  }
}

/** A change of the form alone keeps the integers of a weight. */
async function withCodes(change: WeightChange, document: CoremlDocument): Promise<WeightChange> {
  const { name, plan, form } = change
  const codes = codesAsStored(document, name, plan.scheme)
  return codes === null ? change : { ...change, form: await formOfCodes(form, codes), codes }
}

function largestOf(scan: WeightScan | null): number {
  return scan === null ? 0 : Math.max(Math.abs(scan.min), Math.abs(scan.max))
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
  host: WritingHost & PackageHost,
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

/**
 * A weight without values has no dense form, and nothing to make dense. Halves behind a cast to float32
 * are a form of storage like any other. Integers behind an ordinary
 * `dequantize` are how the program computes, as activations of 8 bits are.
 */
function isCompressed({ stored, shape }: CoremlWeight): boolean {
  const isPacked = stored.ops.some((op) => op.startsWith('constexpr_'))
  return isPacked && elementsOf(shape) > 0
}

function denseChange(weight: CoremlWeight, { document }: CoremlModel): WeightChange {
  const { name, shape, role, dtype, outputAxis, inputAxis } = weight
  const scheme: Scheme = { kind: 'float', dtype }
  const specs = specRange(document.spec, null, document.highestSpec.spec)
  const form = coremlForm({ shape, dtype, outputAxis, inputAxis }, scheme, specs)
  if (form.kind === 'none') throw new TypeError(`"${name}" has no dense form: ${form.reason}`)
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
  return { name, plan, form, largest: 0 }
}
