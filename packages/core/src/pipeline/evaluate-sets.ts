import type { Host } from '../base/host.ts'
import type { ResolvedConfig, ResolvedEvaluation } from '../config/merge-config.ts'
import type { Numerics } from '../config/settings.ts'
import type { CheckpointModel } from '../convert/read-model.ts'
import type { VqaEvaluation } from '../evaluate/evaluate-vqa.ts'
import { compareEvaluations } from '../evaluate/paired.ts'
import type { WrittenModel } from '../quantize/write-model.ts'
import { reportEvaluation } from '../report/report-evaluation.ts'
import type { ReportEvaluation } from '../report/report-types.ts'
import type { VqaDataset } from '../tasks/dataset.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'
import { evaluateOn, loadEvaluationData } from './evaluate-model.ts'
import type { FloatModel } from './float-model.ts'
import { withUniqueNames } from './set-names.ts'
import type { Steps } from './steps.ts'

/** One set to evaluate: its gates and its questions. */
export type LoadedSet = { readonly limits: ResolvedEvaluation; readonly dataset: VqaDataset }

/** One evaluated set: what was asked for, and the results. */
export type EvaluatedSet = {
  readonly limits: ResolvedEvaluation
  readonly result: ReportEvaluation
}

/** Loads every evaluation set first of all: a mistake in it should not show after hours of work. */
export async function loadSets(
  host: Host,
  config: Pick<ResolvedConfig, 'evaluation'>,
): Promise<readonly LoadedSet[]> {
  const sets: LoadedSet[] = []
  for (const limits of config.evaluation) {
    sets.push({ limits, dataset: await loadEvaluationData(host, limits) })
  }
  return withUniqueNames(sets)
}

export type BothModels = {
  readonly model: CheckpointModel
  readonly floatModel: () => Promise<FloatModel>
  readonly written: WrittenModel
  /** Where `written` lies. */
  readonly folder: string
  /** Of the written model; the float model runs as it is. */
  readonly numerics: Numerics
  readonly now: () => number
}

/** Measures the float model and the written one on every set. */
export async function evaluateSets(
  host: Host,
  steps: Steps,
  loaded: readonly LoadedSet[],
  { model, floatModel, written, folder, numerics, now }: BothModels,
): Promise<readonly EvaluatedSet[]> {
  const sets: EvaluatedSet[] = []
  for (const { limits, dataset } of loaded) {
    const float = await floatModel()
    const before = await steps.run(
      'evaluate float',
      () =>
        evaluateOn(host, dataset, {
          now,
          folder: model.path,
          files: float.files,
          numerics: 'faithful',
          stage: 'evaluate float',
        }),
      accuracyText,
      dataset.name,
    )
    const after = await steps.run(
      'evaluate quantized',
      () =>
        evaluateOn(host, dataset, {
          now,
          folder: folder,
          files: writtenFiles(host, folder, written),
          numerics,
          stage: 'evaluate quantized',
        }),
      accuracyText,
      dataset.name,
    )
    const paired = compareEvaluations(before.answers, after.answers)
    const paths = new Map(dataset.samples.map((sample) => [sample.id, sample.imagePath]))
    const result = await reportEvaluation(
      host,
      before.evaluation.data,
      before.evaluation,
      after.evaluation,
      paired,
      (id) => paths.get(id),
    )
    sets.push({ limits, result })
  }
  if (loaded.length === 0) steps.skipped('evaluate', 'no evaluation data was given')
  return sets
}

function accuracyText({ evaluation }: VqaEvaluation): string {
  const { value, samples, data } = evaluation
  return `${(100 * value).toFixed(2)} % of ${samples} questions of ${data}`
}

/** The graphs of a folder that was just written. */
function writtenFiles(
  host: Pick<Host, 'within'>,
  folder: string,
  written: WrittenModel,
): VlmModel['files'] {
  const path = (session: string): string =>
    host.within(folder, written.manifest.sessions[session] ?? '')
  return {
    embed_tokens: path('embed_tokens'),
    vision_encoder: path('vision_encoder'),
    decoder_model_merged: path('decoder_model_merged'),
  }
}
