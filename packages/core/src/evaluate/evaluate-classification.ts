import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { ClassifyInput, ClassifyOutput } from '../tasks/classification/classify-picture.ts'
import type { ClassificationDataset } from '../tasks/classification/read-classification.ts'
import type { TaskModel } from '../tasks/task-model.ts'
import { classAccuracy } from './class-answers.ts'
import { assumedFinding, modelPreprocess } from './model-preprocess.ts'
import { runSamples } from './run-samples.ts'
import type { EvaluatedModel, Measurement } from './task-types.ts'

/** Top-1 and top-5 accuracy of a classifier of pictures. */
export async function evaluateClassification(
  host: Host,
  model: TaskModel & EvaluatedModel,
  dataset: ClassificationDataset,
  stage: string,
): Promise<Measurement> {
  const { samples, output } = dataset
  const preprocess = await modelPreprocess(host, model, dataset.preprocess)
  const results = await runSamples<ClassifyInput, ClassifyOutput>(
    host,
    'classify-picture',
    samples.map(({ picture }) => ({
      model: { file: model.file, options: model.options },
      imagePath: picture.path,
      preprocess,
      output,
    })),
    { stage, total: samples.length, unit: 'pictures' },
  )
  const measured = classAccuracy(
    results.map(({ scores }, index) => ({
      id: index + 1,
      name: samples[index]?.picture.name ?? '',
      label: samples[index]?.label ?? 0,
      scores,
    })),
    dataset.labels,
  )
  const classes = results[0]?.scores.length ?? 0
  return {
    ...measured,
    findings: [
      ...assumedFinding(preprocess, results[0]?.preprocess),
      ...fewerFolders(dataset, classes),
      ...measured.findings,
    ],
  }
}

function fewerFolders({ folders }: ClassificationDataset, classes: number): readonly Finding[] {
  if (folders === null || folders === classes) return []
  return [
    {
      code: 'class-count',
      severity: 'warning',
      message:
        `The data set has ${folders} folders and the model has ${classes} classes. Folder n in name order ` +
        'was taken as class n; where that is wrong, give the names of the classes with "labels".',
    },
  ]
}
