import type { Host } from '../base/host.ts'
import type { Numerics } from '../config/settings.ts'
import type { VqaEvaluation } from '../evaluate/evaluate-vqa.ts'
import { evaluateVqa } from '../evaluate/evaluate-vqa.ts'
import type { VqaDataset } from '../tasks/dataset.ts'
import { loadVqaDataset } from '../tasks/dataset.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'
import { readVlmModel } from '../tasks/vqa/model.ts'

/** A model that is ready to be run, and how. */
export type EvaluatedModel = {
  /** Folder with config, tokenizer and processor files. */
  readonly folder: string
  readonly files: VlmModel['files']
  readonly numerics: Numerics
  /** What is evaluated, for progress: `evaluate float`. */
  readonly stage: string
  readonly now: () => number
}

export type EvaluateRequest = EvaluatedModel & {
  /** A dataset descriptor. */
  readonly data: string
  /** Only the first so many questions; null for all. */
  readonly limit: number | null
}

/** Measures a model folder on a data set, with what the folder itself says about prompt and picture. */
export async function evaluateModel(host: Host, request: EvaluateRequest): Promise<VqaEvaluation> {
  return evaluateOn(host, await loadEvaluationData(host, request), request)
}

/** Loads and checks the data that an evaluation asks for. */
export function loadEvaluationData(
  host: Host,
  { data, limit }: Pick<EvaluateRequest, 'data' | 'limit'>,
): Promise<VqaDataset> {
  return loadVqaDataset(host, data, {
    labels: 'required',
    ...(limit === null ? {} : { limit }),
  })
}

/** Measures a model folder on data that is loaded already. */
export async function evaluateOn(
  host: Host,
  dataset: VqaDataset,
  { folder, files, numerics, stage, now }: EvaluatedModel,
): Promise<VqaEvaluation> {
  const model = await readVlmModel(host, folder, files, { numerics })
  return evaluateVqa(host, model, dataset, { stage, now })
}
