import type { Audit } from '../audit/audit-types.ts'
import { ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import type { Plan } from '../plan/plan-types.ts'
import { makePlan } from '../plan/plan.ts'
import type { WrittenModel } from '../quantize/write-model.ts'
import { writeModel } from '../quantize/write-model.ts'
import type { Calibrated, CalibrationRequest, Importance } from './calibrate-model.ts'
import {
  NO_IMPORTANCE,
  calibrateModel,
  importanceFrom,
  savedStatistics,
} from './calibrate-model.ts'
import type { FloatModel } from './float-model.ts'
import { packageHint } from './package-hint.ts'
import { planFromFile } from './plan-from-file.ts'
import { planRequest } from './plan-request.ts'

/** Whether anything in a plan uses statistics: only a search for the best clip does. */
export function usesStatistics(plan: Plan): boolean {
  return plan.layers.some((layer) => layer.algorithm === 'mse' && layer.scheme.kind === 'affine')
}

/** Decides the plan: from a file, or from the configuration and what the audit found. */
export async function planModel(
  host: Pick<Host, 'open'>,
  audit: Audit,
  config: ResolvedConfig,
  planFile: string | null,
  statistics: string | null,
): Promise<Plan> {
  if (planFile !== null) return planFromFile(host, audit, planFile, {})
  refuseOtherTarget(config.target)
  return makePlan(audit.weights, planRequest(config, audit, statistics))
}

/** A checkpoint has several graphs and a tokenizer: its package is a folder. */
function refuseOtherTarget(target: ResolvedConfig['target']): void {
  const others =
    target === 'onnx'
      ? '"onnx" is what a single ONNX file becomes'
      : `"${target}" is what a Core ML package becomes`
  ensure(
    target === 'transformers-js',
    'unsupported-target',
    `A checkpoint becomes a folder for transformers-js; ${others}. Use --target transformers-js.${packageHint(target)}`,
    { target },
  )
}

/**
 * Statistics for a plan: from a saved file, or measured now; none when there is no calibration data
 * or nothing in the plan uses them.
 *
 * @param floatModel - makes the instrumented float model, when it is needed
 */
export async function importanceForPlan(
  host: Host,
  model: CheckpointModel,
  audit: Audit,
  plan: Plan,
  config: Pick<ResolvedConfig, 'calibration' | 'seed'>,
  floatModel: () => Promise<FloatModel>,
): Promise<Importance> {
  const { data, samples, sampling } = config.calibration
  if (!usesStatistics(plan)) return NO_IMPORTANCE
  if (data === null) {
    if (plan.statistics !== null) host.emit({ kind: 'notice', message: WITHOUT_STATISTICS })
    return NO_IMPORTANCE
  }
  const saved = await savedStatistics(host, data)
  const request = { data, samples, sampling, seed: config.seed }
  const calibrated =
    saved === null
      ? await measure(host, model, await floatModel(), request)
      : { statistics: saved, findings: [] }
  const importance = importanceFrom(host, calibrated, audit.weights)
  requirePlanned(plan, importance, data)
  return importance
}

const WITHOUT_STATISTICS =
  'The plan was made with calibration statistics and none are given: weights are stored without. ' +
  'Give them with --calibration.'

function measure(
  host: Host,
  model: CheckpointModel,
  float: FloatModel,
  request: CalibrationRequest,
): Promise<Calibrated> {
  if (float.instrumented === null) {
    throw new TypeError('Calibration needs a float model with probes')
  }
  return calibrateModel(host, model, float.instrumented, request)
}

/** A plan that names its statistics gives the same bytes only with those. */
function requirePlanned(plan: Plan, importance: Importance, data: string): void {
  ensure(
    plan.statistics === null || plan.statistics === importance.hash,
    'statistics-mismatch',
    `The plan was made with other statistics than "${data}" gives. Give the file that it was made ` +
      'with, or set "statistics" to null in the plan to use these.',
    { data, planned: plan.statistics, found: importance.hash },
  )
}

export type QuantizeModelRequest = {
  readonly model: CheckpointModel
  readonly audit: Audit
  readonly plan: Plan
  readonly importance: Importance
  readonly folder: string
  readonly tables: 'shared' | 'copied'
}

/** Writes the planned model into a folder. */
export function quantizeModel(host: Host, request: QuantizeModelRequest): Promise<WrittenModel> {
  const { model, audit, plan, importance, folder, tables } = request
  return writeModel(host, {
    model,
    plan: { ...plan, statistics: importance.hash },
    facts: audit.weights,
    importance: importance.byLayer,
    folder,
    tables,
    prompt: '<image>\n{question}',
  })
}
