import { auditOf } from '../audit/audit.ts'
import type { Audit, WeightFacts } from '../audit/audit-types.ts'
import { int8Activations } from '../audit/package-facts.ts'
import { operationCounts } from '../audit/package-flow.ts'
import { packageSources, packageWeights, withoutMasks } from '../audit/package-weights.ts'
import { scanSources } from '../audit/scan.ts'
import { ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import { readJson } from '../base/json-file.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { Target } from '../config/settings.ts'
import type { CoremlDocument } from '../formats/coreml/document.ts'
import { specRange } from '../formats/coreml/forms.ts'
import { packageInterface } from '../formats/coreml/package-interface.ts'
import { ensureFunctions } from '../formats/coreml/program-facts.ts'
import { walkProgram } from '../formats/coreml/program.ts'
import type { CoremlModel } from '../formats/coreml/read-package.ts'
import type { CoremlRequest } from '../plan/draft.ts'
import { fitPlan } from '../plan/fit-plan.ts'
import type { Plan } from '../plan/plan-types.ts'
import { makePlan } from '../plan/plan.ts'
import { readPlan } from '../plan/read-plan.ts'
import { namedScheme } from '../scheme/named-scheme.ts'
import type { ComputeUnit } from '../targets/coreml-devices.ts'
import { storedFindings } from '../targets/coreml-findings.ts'
import type { StoredWeight } from '../targets/coreml-findings.ts'
import { lowestTarget } from '../targets/coreml-systems.ts'
import { COREML_SPECS, COREML_TARGETS, NEWEST_SPEC } from '../targets/coreml-versions.ts'
import type { CoremlTarget } from '../targets/coreml-versions.ts'
import { askedPrecisions, refusePreset } from './asked-precisions.ts'
import { planRequest } from './plan-request.ts'
import { neededSpec } from './planned-forms.ts'
import { auditedProgram, plannedProgram } from './program-findings.ts'

/** A package is one component. */
const COMPONENT = 'model'

/**
 * Says what is in a Core ML package: operators, weights and how they are stored, and what devices make
 * of it.
 *
 * @param unit - what it will run on; the Neural Engine and all others by default
 */
export async function auditCoremlPackage(
  host: Pick<Host, 'pool' | 'emit'>,
  model: CoremlModel,
  unit: ComputeUnit | null = null,
): Promise<Audit> {
  const { document, path, bytes } = model
  const walk = walkProgram(path, ensureFunctions(path, document.model))
  const facts = packageWeights(document, walk, COMPONENT)
  const scanned = await scanSources(host, packageSources(document, COMPONENT), facts)
  const weights = scanned.map(withoutMasks)
  return auditOf({
    format: 'coreml',
    model: path,
    bytes,
    weights,
    package: packageInterface(document.model, walk),
    findings: [
      ...model.findings,
      ...auditedProgram({ document, walk, weights }, unit),
      ...storedFindings(compressedWeights(weights), unit),
    ],
    graphs: {
      [COMPONENT]: { operators: operationCounts(walk), int8Activations: int8Activations(walk) },
    },
  })
}

/** Weights that are compressed already, as far as a scheme can say how. */
function compressedWeights(weights: readonly WeightFacts[]): readonly StoredWeight[] {
  return weights.flatMap(({ layer, stored, outputAxis, inputAxis }) => {
    if (stored?.isCompressed !== true) return []
    const axes = { outputAxis: outputAxis ?? 0, inputAxis: inputAxis ?? 1 }
    const scheme = namedScheme(stored.precision, axes)
    return scheme === null ? [] : [{ layer, scheme, computes: stored.computes }]
  })
}

/**
 * Decides the plan of a Core ML package; int8 where nothing else was asked for. Without `--target` it is
 * for the oldest system that the package and the chosen forms need.
 */
export function planCoremlPackage(
  model: Pick<CoremlModel, 'document' | 'path'>,
  audit: Audit,
  config: ResolvedConfig,
): Plan {
  refusePreset(config, 'Core ML packages')
  const { document } = model
  const target = askedTarget(config)
  const coreml = coremlRequest(document, target, config.computeUnit)
  const plan = makePlan(audit.weights, {
    ...planRequest(config, audit, null),
    target: target ?? 'coreml-ios18',
    preset: null,
    ...askedPrecisions(config),
    floats: 'as-stored',
    coreml,
  })
  // Without a target, the oldest one that reads every form of the plan.
  const needed =
    target === null ? lowestTarget(neededSpec(document, audit, plan)) : notOlder(target, coreml)
  return withProgram(model, audit, { ...plan, target: needed })
}

/** Puts the plan of a file, perhaps edited, on a Core ML package. */
export async function readCoremlPlan(
  host: Pick<Host, 'open'>,
  model: Pick<CoremlModel, 'document' | 'path'>,
  audit: Audit,
  planFile: string,
): Promise<Plan> {
  const given = readPlan(await readJson(host, planFile, 'invalid-plan'), planFile)
  const target = coremlTarget(given.target)
  const coreml = coremlRequest(model.document, target, given.computeUnit ?? null)
  const plan = fitPlan(given, audit.weights, planFile, null, coreml)
  return withProgram(model, audit, {
    ...plan,
    target: target === null ? plan.target : notOlder(target, coreml),
  })
}

/** The plan with what devices make of the program that it is for. */
function withProgram(
  { document, path }: Pick<CoremlModel, 'document' | 'path'>,
  { weights }: Audit,
  plan: Plan,
): Plan {
  const walk = walkProgram(path, ensureFunctions(path, document.model))
  const found = plannedProgram({ document, walk, weights }, plan, plan.computeUnit ?? null)
  return { ...plan, findings: [...plan.findings, ...found] }
}

/** The target, or the oldest that reads what the package needs anyway. */
function notOlder(target: CoremlTarget, { specs }: CoremlRequest): CoremlTarget {
  const lowest = lowestTarget(specs.lowest)
  return COREML_SPECS[lowest] > COREML_SPECS[target] ? lowest : target
}

function coremlRequest(
  { spec, highestSpec }: CoremlDocument,
  target: CoremlTarget | null,
  unit: ComputeUnit | null,
): CoremlRequest {
  const specs = specRange(spec, target, highestSpec.spec)
  const wanted = target === null ? NEWEST_SPEC : COREML_SPECS[target]
  return { target, specs, unit, heldBack: specs.highest < wanted ? highestSpec.reason : null }
}

/** The target that was asked for by name; null for none. */
function askedTarget({ target, origins }: ResolvedConfig): CoremlTarget | null {
  if (origins['target'] === 'default') return null
  const found = coremlTarget(target)
  ensure(
    found !== null,
    'unsupported-target',
    `A Core ML package becomes a Core ML package: leave --target out, or use one of ${COREML_TARGETS.join(', ')}, not ${target}.`,
    { target },
  )
  return found
}

function coremlTarget(target: Target): CoremlTarget | null {
  return COREML_TARGETS.find((each) => each === target) ?? null
}
