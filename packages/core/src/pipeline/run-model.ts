import type { Audit } from '../audit/audit-types.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import { readCheckpointModel } from '../convert/read-model.ts'
import type { Plan } from '../plan/plan-types.ts'
import type { WrittenModel } from '../quantize/write-model.ts'
import { buildReport } from '../report/build-report.ts'
import { gateFindings, gatesOf } from '../report/gates.ts'
import type { Report } from '../report/report-types.ts'
import { auditModel } from './audit-model.ts'
import type { Importance } from './calibrate-model.ts'
import { NO_IMPORTANCE } from './calibrate-model.ts'
import type { EvaluatedSet } from './evaluate-sets.ts'
import { evaluateSets, loadSets } from './evaluate-sets.ts'
import type { FloatModel } from './float-model.ts'
import { writeFloatModel } from './float-model.ts'
import { importanceForPlan, planModel, quantizeModel, usesStatistics } from './quantize-model.ts'
import type { Steps } from './steps.ts'
import { startSteps } from './steps.ts'

export type RunRequest = {
  readonly path: string
  readonly config: ResolvedConfig
  /** A plan to follow in the place of planning. */
  readonly planFile: string | null
  /** An existing, empty folder for the result, and one for work files. */
  readonly folder: string
  readonly scratch: string
  readonly tables: 'shared' | 'copied'
  /** Seconds since any fixed moment. */
  readonly now: () => number
  /** Versions and machine, for the report. */
  readonly provenance: Report['provenance']
}

export type RunResult = { readonly report: Report; readonly written: WrittenModel }

/**
 * The whole flow: read, audit, calibrate, plan, quantize, evaluate before and after, report.
 * Everything reported was measured on the files that were written.
 */
export async function runModel(host: Host, request: RunRequest): Promise<RunResult> {
  const steps = startSteps(host.emit, request.now)
  const { config } = request
  const sets = await loadSets(host, config)
  const model = await steps.run('read', () => readCheckpointModel(host, request.path), readText)
  try {
    const audit = await steps.run('audit', () => auditModel(host, model), auditText)
    const makePlan = (): Promise<Plan> => planModel(host, audit, config, request.planFile, null)
    const plan = await steps.run('plan', makePlan, planText)
    const floatModel = once(() => makeFloatModel(host, model, audit, request))
    const importance = await calibrateStep(host, steps, { model, audit, plan, config, floatModel })
    const written = await steps.run(
      'quantize',
      () => quantizeModel(host, { ...request, model, audit, plan, importance }),
      writtenText,
    )
    const evaluations = await evaluateSets(host, steps, sets, {
      folder: request.folder,
      numerics: config.numerics,
      now: request.now,
      model,
      written,
      floatModel,
    })
    const results = { request, model, audit, plan, importance, written, evaluations, steps }
    return { report: reportOf(results), written }
  } finally {
    await model.close()
  }
}

function readText({ bytes }: CheckpointModel): string {
  return `checkpoint of ${megabytes(bytes)}`
}

function auditText({ parameters, weights }: Audit): string {
  return `${(parameters / 1e6).toFixed(2)} M parameters in ${weights.length} weights`
}

function planText({ bytes }: Plan): string {
  return `${megabytes(bytes)} of weights`
}

function writtenText({ bytes }: WrittenModel): string {
  return `${megabytes(bytes)} written`
}

function makeFloatModel(
  host: Host,
  model: CheckpointModel,
  audit: Audit,
  request: RunRequest,
): Promise<FloatModel> {
  const probes = request.config.calibration.data === null ? 'plain' : 'with-probes'
  const folder = host.within(request.scratch, 'float')
  return writeFloatModel(host, model, audit.weights, folder, probes)
}

type CalibrateStep = {
  readonly model: CheckpointModel
  readonly audit: Audit
  readonly plan: Plan
  readonly config: ResolvedConfig
  readonly floatModel: () => Promise<FloatModel>
}

async function calibrateStep(
  host: Host,
  steps: Steps,
  { model, audit, plan, config, floatModel }: CalibrateStep,
): Promise<Importance> {
  const reason =
    config.calibration.data === null
      ? 'no calibration data was given'
      : usesStatistics(plan)
        ? null
        : 'no weight needs it'
  if (reason !== null) {
    steps.skipped('calibrate', reason)
    return NO_IMPORTANCE
  }
  return steps.run(
    'calibrate',
    () => importanceForPlan(host, model, audit, plan, config, floatModel),
    ({ byLayer }) => `inputs of ${byLayer.size} weights measured`,
  )
}

type Results = {
  readonly request: RunRequest
  readonly model: CheckpointModel
  readonly audit: Audit
  readonly plan: Plan
  readonly importance: Importance
  readonly written: WrittenModel
  readonly evaluations: readonly EvaluatedSet[]
  readonly steps: Steps
}

function reportOf(results: Results): Report {
  const { request, model, audit, plan, importance, written, evaluations, steps } = results
  const sets = evaluations.map(({ limits, result }) => ({
    name: result.name,
    limits,
    before: result.before,
    after: result.after,
  }))
  return buildReport({
    title: `${baseName(request.path)}: ${plan.preset ?? 'custom'} for ${plan.target}`,
    beforeBytes: model.bytes,
    afterBytes: written.bytes,
    weights: audit.weights,
    layers: written.result.layers,
    copies: written.result.copies,
    gates: gatesOf(sets, { bytes: written.bytes, budget: request.config.budget.size }),
    evaluations: evaluations.map(({ result }) => result),
    findings: [...allFindings(results), ...gateFindings(sets)],
    files: written.manifest.files,
    steps: steps.list(),
    provenance: [
      ...request.provenance,
      { name: 'Seed', value: String(plan.seed) },
      { name: 'Calibration statistics (sha256)', value: importance.hash ?? 'none' },
      { name: 'Numerics', value: `${request.config.numerics}; lifted graphs run in fp32 here` },
    ],
    config: request.config,
  })
}

function allFindings({ audit, importance, written, evaluations }: Results): readonly Finding[] {
  const measured = evaluations.flatMap(({ result }) => result.after.findings)
  return [
    ...audit.findings,
    ...written.plan.findings,
    ...importance.findings,
    ...written.findings,
    ...measured,
  ]
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`
}

function baseName(path: string): string {
  return path.replace(/[/\\]+$/u, '').replace(/^.*[/\\]/u, '')
}

/** Calls `make` at most once. */
function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => (made ??= make())
}
