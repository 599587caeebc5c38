import type { WeightFacts } from '../audit/audit-types.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import { calibrate } from '../calibrate/calibrate.ts'
import { diverseQuestions } from '../calibrate/sampling/diverse-samples.ts'
import type { Statistics } from '../calibrate/statistics.ts'
import { importanceOf, readStatistics, statisticsHash } from '../calibrate/statistics.ts'
import type { Sampling } from '../config/settings.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import { isJsonObject, readJson } from '../base/json-file.ts'
import { loadVqaDataset } from '../tasks/dataset.ts'
import { modelForDataset, readVlmModel } from '../tasks/vqa/model.ts'
import type { FloatModel } from './float-model.ts'

/** Statistics in use: what algorithms take, and the hash that the plan records. */
export type Importance = {
  readonly hash: string | null
  readonly byLayer: ReadonlyMap<string, Float32Array>
  /** What reading the calibration data found. */
  readonly findings: readonly Finding[]
}

export const NO_IMPORTANCE: Importance = { hash: null, byLayer: new Map(), findings: [] }

/** What was measured, and what reading the data found. */
export type Calibrated = { readonly statistics: Statistics; readonly findings: readonly Finding[] }

/** Which data a model is calibrated on. */
export type CalibrationRequest = {
  /** A dataset descriptor or a folder of pictures. */
  readonly data: string
  readonly samples: number
  readonly sampling: Sampling
  /** Of `diverse` sampling. */
  readonly seed: number
}

/** Runs the instrumented float model over calibration data. */
export async function calibrateModel(
  host: Host,
  model: CheckpointModel,
  instrumented: NonNullable<FloatModel['instrumented']>,
  { data, samples, sampling, seed }: CalibrationRequest,
): Promise<Calibrated> {
  const dataset = await loadVqaDataset(host, data, {
    labels: 'optional',
    ...(sampling === 'spread' && { spread: samples }),
  })
  const own = await readVlmModel(host, model.path, instrumented.files, { numerics: 'faithful' })
  const vlm = modelForDataset(own, dataset.options)
  const chosen =
    sampling === 'spread'
      ? dataset.samples
      : await diverseQuestions(host, vlm, dataset.samples, { count: samples, seed })
  const { layers, ...about } = await calibrate(host, {
    model: vlm,
    modelName: model.path,
    probes: instrumented.probes,
    samples: chosen,
    data: dataset.name,
    prompt: dataset.options,
  })
  return { statistics: { ...about, sampling, layers }, findings: dataset.findings }
}

/** Whether a calibration argument is a statistics file rather than data. */
export async function savedStatistics(
  host: Pick<Host, 'open' | 'list'>,
  path: string,
): Promise<Statistics | null> {
  if (!path.endsWith('.json') || (await host.list(path)) !== undefined) return null
  const value = await readJson(host, path, 'invalid-dataset')
  const isStatistics =
    isJsonObject(value) &&
    typeof value['schema'] === 'string' &&
    value['schema'].startsWith('mixbit/statistics@')
  return isStatistics ? readStatistics(value, path) : null
}

/** Statistics as algorithms take them, checked against the model. */
export function importanceFrom(
  host: Pick<Host, 'sha256'>,
  { statistics, findings }: Calibrated,
  facts: readonly WeightFacts[],
): Importance {
  return {
    hash: statisticsHash(statistics, host.sha256()),
    byLayer: importanceOf(statistics, facts),
    findings,
  }
}
