import { MixbitError, ensure } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { TaskDataset } from '../tasks/task-dataset.ts'
import { firstSamples } from '../tasks/task-dataset.ts'
import type { TaskModel } from '../tasks/task-model.ts'
import { evaluateClassification } from './evaluate-classification.ts'
import { evaluateDetection } from './evaluate-detection.ts'
import { evaluateSts } from './evaluate-sts.ts'
import { evaluateTensors } from './evaluate-tensors.ts'
import { evaluateText } from './evaluate-text.ts'
import type { EvaluatedModel, Measurement, TaskOptions, TaskResult } from './task-types.ts'

/**
 * Measures a single graph on the task that the data set sets: `top1-accuracy`, `coco-map`,
 * `perplexity` or `spearman`.
 *
 * The descriptor's `preprocess` goes before the model's own.
 */
export async function evaluateTask(
  host: Host,
  model: EvaluatedModel,
  dataset: TaskDataset,
  options: TaskOptions,
): Promise<TaskResult> {
  const { numerics, stage = 'evaluate' } = options
  const chosen = options.limit === undefined ? dataset : firstSamples(dataset, options.limit)
  ensure(
    !('samples' in chosen) || chosen.samples.length > 0,
    'empty-dataset',
    `${dataset.name} has no samples.`,
    { data: dataset.name },
  )
  const started = options.now()
  host.emit({ kind: 'stage', stage, detail: dataset.name })
  const measured = await measure(host, { ...model, options: { numerics } }, chosen, stage)
  const { answers, scores, findings, ...numbers } = measured
  return {
    evaluation: {
      schema: 'mixbit/evaluation@1',
      ...numbers,
      seconds: Math.max(0, options.now() - started),
      data: dataset.name,
      byQuestionType: {},
      byAnswerType: {},
      numerics,
      findings: [...dataset.findings, ...findings],
    },
    answers,
    scores,
  }
}

function measure(
  host: Host,
  model: TaskModel & EvaluatedModel,
  dataset: TaskDataset,
  stage: string,
): Promise<Measurement> {
  switch (dataset.kind) {
    case 'image-classification':
      return evaluateClassification(host, model, dataset, stage)
    case 'coco-detection':
      return evaluateDetection(host, model, dataset, stage)
    case 'text':
      return evaluateText(host, model, dataset, stage)
    case 'sts':
      return evaluateSts(host, model, dataset, stage)
    case 'tensors':
      return evaluateTensors(host, model, dataset, stage)
    case 'images':
      throw new MixbitError(
        'invalid-dataset',
        `${dataset.name} has pictures without labels, so it cannot be scored. Give a data set of kind ` +
          'image-classification or coco-detection.',
        { data: dataset.name },
      )
  }
}
