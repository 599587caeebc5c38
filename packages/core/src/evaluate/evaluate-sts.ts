import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import { cosineSimilarity } from '../tasks/sts/cosine.ts'
import type { EmbedInput, EmbedOutput } from '../tasks/sts/embed-sentence.ts'
import type { StsDataset } from '../tasks/sts/load-sts.ts'
import type { TaskModel } from '../tasks/task-model.ts'
import { tokenizerFolder } from '../tasks/text/load-text.ts'
import { runSamples } from './run-samples.ts'
import { pearson, spearmanWithInterval } from './spearman.ts'
import type { EvaluatedModel, Measurement } from './task-types.ts'

/** How the likeness of a model's sentence vectors follows what people said. */
export async function evaluateSts(
  host: Host,
  model: TaskModel & EvaluatedModel,
  dataset: StsDataset,
  stage: string,
): Promise<Measurement> {
  const { samples, pooling, output, mostTokens } = dataset
  const folder = tokenizerFolder(dataset.tokenizer, model.folder)
  const results = await runSamples<EmbedInput, EmbedOutput>(
    host,
    'embed-sentence',
    samples.map(({ first, second }) => ({
      model: { file: model.file, options: model.options },
      folder,
      sentences: [first, second],
      pooling,
      output,
      mostTokens,
    })),
    { stage, total: samples.length, unit: 'pairs' },
  )
  const likeness = results.map(({ embeddings: [a, b] }) =>
    a === undefined || b === undefined ? null : cosineSimilarity(a, b),
  )
  const known = likeness.map((value) => value ?? Number.NaN)
  const people = samples.map(({ score }) => score)
  const correlation = spearmanWithInterval(known, people)
  return {
    metric: 'spearman',
    ...correlation,
    samples: samples.length,
    metrics: { pearson: correlation.value === null ? null : pearson(known, people) },
    findings: [...cutFindings(results), ...undefinedFindings(known, correlation.value)],
    answers: [],
    scores: null,
  }
}

function cutFindings(results: readonly EmbedOutput[]): readonly Finding[] {
  const cut = results.reduce((sum, result) => sum + result.cut, 0)
  if (cut === 0) return []
  return [
    {
      code: 'cut-sentences',
      severity: 'info',
      message: `${cut} sentences were longer than "maxTokens" and were cut.`,
    },
  ]
}

function undefinedFindings(known: readonly number[], value: number | null): readonly Finding[] {
  if (value !== null) return []
  const broken = known.filter((each) => Number.isNaN(each)).length
  return [
    {
      code: 'undefined-correlation',
      severity: 'warning',
      message:
        broken > 0
          ? `${broken} pairs have a vector that is zero or not finite, so there is no correlation. Store the layer that overflows at a higher precision.`
          : 'There is no correlation: fewer than two pairs, or one side is the same for all of them.',
    },
  ]
}
