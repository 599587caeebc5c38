import type { Audit } from '../audit/audit-types.ts'
import { MixbitError, ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { ResolvedConfig, ResolvedEvaluation } from '../config/merge-config.ts'
import { readOnnxFile } from '../convert/read-onnx-file.ts'
import type { OnnxFileModel } from '../convert/read-onnx-file.ts'
import { evaluateTask } from '../evaluate/evaluate-model-task.ts'
import type { Evaluation } from '../evaluate/evaluate-types.ts'
import { compareEvaluations } from '../evaluate/paired.ts'
import type { TaskEvaluation, TaskResult } from '../evaluate/task-types.ts'
import type { Plan } from '../plan/plan-types.ts'
import type { Manifest } from '../formats/transformers-js/manifest.ts'
import { writeJson } from '../quantize/data-sink.ts'
import { buildReport } from '../report/build-report.ts'
import { gateFindings, gatesOf } from '../report/gates.ts'
import { reportEvaluation } from '../report/report-evaluation.ts'
import type { Report, ReportEvaluation } from '../report/report-types.ts'
import { mainPrecision } from '../scheme/main-precision.ts'
import type { TaskDataset } from '../tasks/task-dataset.ts'
import { loadTaskDataset } from '../tasks/task-dataset.ts'
import { evaluatedFile } from './evaluate-file.ts'
import type { WrittenOnnx } from './onnx-file.ts'
import { askedActivations, plannedActivations } from './integer-file.ts'
import type { Activations } from './integer-file.ts'
import { auditOnnxFile, planOnnxFile, quantizeOnnxFile, readOnnxFilePlan } from './onnx-file.ts'
import { withUniqueNames } from './set-names.ts'
import type { Steps } from './steps.ts'
import { startSteps } from './steps.ts'

export type RunFileRequest = {
  /** Path of the ONNX file. */
  readonly path: string
  readonly config: ResolvedConfig
  /** A plan to follow; one is made without. */
  readonly planFile?: string | null
  /** An existing, empty folder for the result. */
  readonly folder: string
  /** Seconds since any fixed moment. */
  readonly now: () => number
  /** Versions and machine, for the report. */
  readonly provenance: Report['provenance']
}

/** The file in a run's output folder. */
const RESULT_NAME = 'model'

type LoadedSet = { readonly limits: ResolvedEvaluation; readonly dataset: TaskDataset }

type EvaluatedSet = { readonly limits: ResolvedEvaluation; readonly result: ReportEvaluation }

/** The whole flow for one ONNX file: audit, plan, quantize, evaluate before and after, report. */
export async function runOnnxFile(host: Host, request: RunFileRequest): Promise<Report> {
  const { path, config, folder } = request
  const steps = startSteps(host.emit, request.now)
  refuseActivations(askedActivations(config))
  const sets = await loadSets(host, config)
  const model = await steps.run(
    'read',
    () => readOnnxFile(host, path),
    ({ bytes }) => `ONNX file of ${bytes} bytes`,
  )
  try {
    const audit = await steps.run(
      'audit',
      () => auditOnnxFile(host, model),
      ({ parameters, weights }) => `${parameters} parameters in ${weights.length} weights`,
    )
    const plan = await steps.run(
      'plan',
      () => planOf(host, model, audit, request),
      ({ bytes }) => `${bytes} bytes of weights`,
    )
    const written = await steps.run(
      'quantize',
      () => quantizeOnnxFile(host, { model, audit, plan, folder, name: RESULT_NAME }),
      ({ bytes }) => `${bytes} bytes written`,
    )
    await writeSideFiles(host, folder, plan, written)
    const evaluations = await evaluateSets(host, steps, sets, request)
    return reportOf({ request, model, audit, plan, written, evaluations, steps })
  } finally {
    await model.close()
  }
}

async function planOf(
  host: Host,
  model: OnnxFileModel,
  audit: Audit,
  { config, planFile = null }: RunFileRequest,
): Promise<Plan> {
  if (planFile === null) return planOnnxFile(model, audit, config)
  const plan = await readOnnxFilePlan(host, model, audit, planFile)
  refuseActivations(plannedActivations(plan))
  return plan
}

function refuseActivations(activations: Activations): void {
  if (activations === null) return
  throw new MixbitError(
    'unsupported-scheme',
    'A run of an ONNX file stores weights alone in integers. For activations too use `mixbit quantize`, and `mixbit evaluate` on both files.',
    { activations },
  )
}

async function loadSets(host: Host, config: ResolvedConfig): Promise<readonly LoadedSet[]> {
  const sets: LoadedSet[] = []
  for (const limits of config.evaluation) {
    const dataset = await loadTaskDataset(host, limits.data, {
      labels: 'required',
      ...(limits.limit === null ? {} : { limit: limits.limit }),
    })
    if (dataset.kind === 'text') throw lowerIsBetter(limits.data)
    sets.push({ limits, dataset })
  }
  return withUniqueNames(sets)
}

function lowerIsBetter(data: string): MixbitError {
  return new MixbitError(
    'invalid-dataset',
    `"${data}" measures perplexity, where less is better; the gates of run are about accuracy. ` +
      'Quantize the file and compare two runs of `mixbit evaluate`.',
    { data },
  )
}

/** What a written folder says of itself. */
async function writeSideFiles(
  host: Pick<Host, 'create' | 'sha256' | 'within'>,
  folder: string,
  plan: Plan,
  { result }: WrittenOnnx,
): Promise<void> {
  const files = filesOf(result.files)
  const manifest: Manifest = {
    schema: 'mixbit/model@1',
    target: 'onnx',
    task: 'graph',
    prompt: '',
    sessions: { model: `${RESULT_NAME}.onnx` },
    components: {
      model: {
        files: files.map((file) => file.path),
        bytes: plan.bytes,
        parameters: plan.layers.reduce(
          (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
          0,
        ),
        precision: mainPrecision(plan.layers),
      },
    },
    files,
  }
  await writeJson(host, host.within(folder, 'plan.json'), plan)
  await writeJson(host, host.within(folder, 'mixbit.json'), manifest)
}

function filesOf(files: WrittenOnnx['result']['files']): Manifest['files'] {
  return files.map(({ file }) => ({ ...file, path: file.path.replace(/^.*[/\\]/u, '') }))
}

async function evaluateSets(
  host: Host,
  steps: Steps,
  loaded: readonly LoadedSet[],
  { path, folder, config, now }: RunFileRequest,
): Promise<readonly EvaluatedSet[]> {
  const own = await evaluatedFile(host, path)
  const quantized = { ...own, file: host.within(folder, `${RESULT_NAME}.onnx`) }
  const sets: EvaluatedSet[] = []
  for (const { limits, dataset } of loaded) {
    const before = await steps.run(
      'evaluate float',
      () =>
        evaluateTask(host, own, dataset, { numerics: 'faithful', stage: 'evaluate float', now }),
      measured,
      dataset.name,
    )
    const { numerics } = config
    const after = await steps.run(
      'evaluate quantized',
      () => evaluateTask(host, quantized, dataset, { numerics, stage: 'evaluate quantized', now }),
      measured,
      dataset.name,
    )
    const result = await reportEvaluation(
      host,
      dataset.name,
      reported(before.evaluation),
      reported(after.evaluation),
      compareEvaluations(before.answers, after.answers),
      () => undefined,
    )
    sets.push({ limits, result })
  }
  if (loaded.length === 0) steps.skipped('evaluate', 'no evaluation data was given')
  return sets
}

function measured({ evaluation }: TaskResult): string {
  const { metric, value, samples, data } = evaluation
  return `${metric} ${value?.toPrecision(4) ?? 'not measured'} on ${samples} samples of ${data}`
}

/** Gates and plots are about numbers with an interval. */
function reported(evaluation: TaskEvaluation): Evaluation {
  const { value, low, high } = evaluation
  ensure(
    value !== null && low !== null && high !== null,
    'invalid-dataset',
    `${evaluation.data} has too little data: ${evaluation.metric} or its interval cannot be computed.`,
    { data: evaluation.data, metric: evaluation.metric },
  )
  return { ...evaluation, value, low, high }
}

type Results = {
  readonly request: RunFileRequest
  readonly model: OnnxFileModel
  readonly audit: Audit
  readonly plan: Plan
  readonly written: WrittenOnnx
  readonly evaluations: readonly EvaluatedSet[]
  readonly steps: Steps
}

function reportOf(results: Results): Report {
  const { request, model, audit, plan, written, evaluations, steps } = results
  const sets = evaluations.map(({ limits, result }) => ({
    name: result.name,
    limits,
    before: result.before,
    after: result.after,
  }))
  const found = evaluations.flatMap(({ result }) => result.after.findings)
  return buildReport({
    title: `${request.path.replace(/^.*[/\\]/u, '')}: ${mainPrecision(plan.layers)}`,
    beforeBytes: model.bytes,
    afterBytes: written.bytes,
    weights: audit.weights,
    layers: written.result.layers,
    copies: written.result.copies,
    gates: gatesOf(sets, { bytes: written.bytes, budget: request.config.budget.size }),
    evaluations: evaluations.map(({ result }) => result),
    findings: [...audit.findings, ...plan.findings, ...found, ...gateFindings(sets)],
    files: filesOf(written.result.files),
    steps: steps.list(),
    provenance: [...request.provenance, { name: 'Numerics', value: request.config.numerics }],
    config: request.config,
  })
}
