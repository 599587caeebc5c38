import type { Host } from '../base/host.ts'
import type { Comparison } from '../compare/compare.ts'
import { compare } from '../compare/compare.ts'
import type { Numerics } from '../config/settings.ts'
import { loadVqaDataset } from '../tasks/dataset.ts'
import { modelForDataset, readVlmModel } from '../tasks/vqa/model.ts'
import { openForEvaluation } from './open-for-evaluation.ts'

/** A model and a folder for its float graphs, should it be a checkpoint. */
export type ComparedModel = { readonly path: string; readonly scratch: string }

export type CompareModelsRequest = {
  readonly reference: ComparedModel
  readonly candidate: ComparedModel
  readonly data: string
  readonly limit: number | null
  readonly numerics: Numerics
}

/** Compares the outputs of two model folders on the same pictures and questions. */
export async function compareModels(
  host: Host,
  request: CompareModelsRequest,
): Promise<Comparison> {
  const { reference, candidate, data, limit, numerics } = request
  const dataset = await loadVqaDataset(host, data, {
    labels: 'optional',
    ...(limit === null ? {} : { limit }),
  })
  const open = async ({ path, scratch }: ComparedModel) => {
    const files = await openForEvaluation(host, path, scratch, null)
    return modelForDataset(await readVlmModel(host, path, files, { numerics }), dataset.options)
  }
  const comparison = await compare(host, {
    reference: await open(reference),
    candidate: await open(candidate),
    names: { reference: reference.path, candidate: candidate.path, data: dataset.name },
    samples: dataset.samples,
    prompt: dataset.options,
  })
  return { ...comparison, findings: [...dataset.findings, ...comparison.findings] }
}
