import type { Host } from '../base/host.ts'
import type { Numerics } from '../config/settings.ts'
import type { VqaEvaluation } from '../evaluate/evaluate-vqa.ts'
import { evaluateVqa } from '../evaluate/evaluate-vqa.ts'
import { loadVqaDataset } from '../tasks/dataset.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'
import { readVlmModel } from '../tasks/vqa/model.ts'

export type EvaluateRequest = {
  /** Folder with config, tokenizer and processor files. */
  readonly folder: string
  readonly files: VlmModel['files']
  readonly data: string
  readonly limit: number | null
  readonly numerics: Numerics
  /** What is evaluated, for progress: `evaluate float`. */
  readonly stage: string
  readonly now: () => number
}

/** Measures a model folder on a data set, with what the folder itself says about prompt and picture. */
export async function evaluateModel(host: Host, request: EvaluateRequest): Promise<VqaEvaluation> {
  const { folder, files, numerics, stage, now } = request
  const dataset = await loadVqaDataset(host, request.data, {
    labels: 'required',
    ...(request.limit === null ? {} : { limit: request.limit }),
  })
  const model = await readVlmModel(host, folder, files, { numerics })
  return evaluateVqa(host, model, dataset, { stage, now })
}
