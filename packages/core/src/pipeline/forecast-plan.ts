import type { Audit } from '../audit/audit-types.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { Target } from '../config/settings.ts'
import { forecastPackage } from '../formats/coreml/forecast-package.ts'
import type { ForecastForm } from '../formats/coreml/forecast-package.ts'
import type { CoremlForm } from '../formats/coreml/form-types.ts'
import { MIL_DTYPES } from '../formats/coreml/mil-dtype.ts'
import type { CoremlModel } from '../formats/coreml/read-package.ts'
import type { LayerPlan, PackageSize, Plan } from '../plan/plan-types.ts'
import { systemsOfSpec } from '../targets/coreml-systems.ts'
import { COREML_SPECS, COREML_TARGETS } from '../targets/coreml-versions.ts'
import { neededSpec, plannedForms } from './planned-forms.ts'

type ReadingHost = Pick<Host, 'open' | 'within'>

/** The plan of a package with what the whole package will take, and what it will need. */
export async function forecastPlan(
  host: ReadingHost,
  model: CoremlModel,
  audit: Audit,
  plan: Plan,
): Promise<Plan> {
  const size = await plannedSize(host, model, audit, plan)
  const raised = {
    before: size.specBefore,
    after: size.spec,
    needed: neededSpec(model.document, audit, plan),
    target: plan.target,
  }
  const findings = [...plan.findings, ...raisedFindings(raised, 'will be')]
  return { ...plan, package: size, findings }
}

/** What a planned package will take: exact, unless a mask makes it the most that it can be. */
export async function plannedSize(
  host: ReadingHost,
  model: CoremlModel,
  audit: Audit,
  plan: Plan,
): Promise<PackageSize> {
  const { document } = model
  const planned = plannedForms(document, audit, plan)
  const forms = new Map<string, ForecastForm>()
  for (const layer of plan.layers) {
    const form = planned.get(layer.layer)
    if (form !== undefined) forms.set(weightName(layer), { form, kept: keptOf(form, layer) })
  }
  const { bytes, spec } = await forecastPackage(host, { model, forms })
  const isMost = plan.layers.some((layer) => layer.bytes.isMost === true)
  return {
    bytesBefore: model.bytes,
    bytes,
    ...(isMost && { isMost }),
    specBefore: document.spec,
    spec,
  }
}

/** Values that a mask keeps, from the bytes that they take. */
function keptOf({ parts }: CoremlForm, { bytes }: LayerPlan): number {
  const values = parts.find(({ dims }) => dims.includes(null))
  return values === undefined ? 0 : Math.floor((bytes.codes * 8) / MIL_DTYPES[values.dtype].bits)
}

/** A layer is named after the component and its weight. */
export function weightName({ layer, component }: LayerPlan): string {
  return layer.slice(component.length + 1)
}

const OLDER_TARGET = ' With an older --target, older systems are kept.'

/** The versions of a package before and after, and what the chosen forms alone would need. */
export type RaisedSpec = {
  readonly before: number
  readonly after: number
  readonly needed: number
  readonly target: Target
}

/** What raising the version means for the phones that can read the package. */
export function raisedFindings(
  { before, after, needed, target }: RaisedSpec,
  when: 'was' | 'will be',
): readonly Finding[] {
  if (after <= before) return []
  const needs = when === 'was' ? 'now needs' : 'will then need'
  const why =
    needed >= after
      ? 'the lowest that the chosen forms have'
      : `which is that of the target ${target}`
  const hasOlder = COREML_TARGETS.some((each) => COREML_SPECS[each] < after)
  return [
    {
      code: 'spec-raised',
      severity: 'info',
      message:
        `The specification version ${when} raised from ${before} to ${after}, ${why}: ` +
        `the package ${needs} ${systemsOfSpec(after)}.${hasOlder ? OLDER_TARGET : ''}`,
    },
  ]
}
