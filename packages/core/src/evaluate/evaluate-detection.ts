import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { DetectInput, DetectOutput } from '../tasks/detection/detect-objects.ts'
import type { Head } from '../tasks/detection/heads.ts'
import type { DetectionDataset } from '../tasks/detection/load-detection.ts'
import type { TaskModel } from '../tasks/task-model.ts'
import { cocoInterval, cocoMetrics, matchObjects } from './coco/coco-metrics.ts'
import type { FoundObject, TrueObject } from './coco/coco-types.ts'
import { assumedFinding, modelPreprocess } from './model-preprocess.ts'
import { runSamples } from './run-samples.ts'
import type { EvaluatedModel, Measurement } from './task-types.ts'

/** COCO's mAP of a detector. */
export async function evaluateDetection(
  host: Host,
  model: TaskModel & EvaluatedModel,
  dataset: DetectionDataset,
  stage: string,
): Promise<Measurement> {
  const { samples, settings, categories, labels } = dataset
  const preprocess = await modelPreprocess(host, model, dataset.preprocess)
  const results = await runSamples<DetectInput, DetectOutput>(
    host,
    'detect-objects',
    samples.map(({ picture }) => ({
      model: { file: model.file, options: model.options },
      imagePath: picture.path,
      preprocess,
      settings,
      classes: labels?.length ?? categories.length,
    })),
    { stage, total: samples.length, unit: 'pictures' },
  )
  const head = results[0]?.head ?? 'yolov8'
  const { found, unknown } = foundObjects(dataset, results, categoryOf(dataset, head))
  const matches = matchObjects(trueObjects(dataset), found)
  const { ap, ...others } = cocoMetrics(matches)
  const interval = ap === null ? null : cocoInterval(matches, samples.length)
  return {
    metric: 'coco-map',
    value: ap,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    samples: samples.length,
    metrics: { ...others },
    findings: [
      ...assumedFinding(preprocess, results[0]?.preprocess),
      ...headFindings(head, settings.head),
      ...detectionFindings(results, unknown, ap),
    ],
    answers: [],
    scores: null,
  }
}

/** The category of a model's class; undefined for one that the data set does not have. */
function categoryOf(
  { categories, labels, classIds }: DetectionDataset,
  head: Head,
): (place: number) => number | undefined {
  if (labels !== null) {
    const byName = new Map(categories.map(({ name, id }) => [name, id]))
    return (place) => byName.get(labels[place] ?? '')
  }
  const isId = (classIds ?? (head === 'ssd' ? 'category-id' : 'index')) === 'category-id'
  if (!isId) return (place) => categories[place]?.id
  const known = new Set(categories.map(({ id }) => id))
  return (place) => (known.has(place) ? place : undefined)
}

/** Pictures by the order of their ids, as pycocotools takes them; it decides between equal scores. */
function placesById({ samples }: DetectionDataset): readonly number[] {
  const order = samples.map((_, index) => index)
  order.sort((a, b) => (samples[a]?.id ?? 0) - (samples[b]?.id ?? 0))
  const places: number[] = []
  for (const [place, index] of order.entries()) places[index] = place
  return places
}

function trueObjects(dataset: DetectionDataset): readonly TrueObject[] {
  const places = placesById(dataset)
  return dataset.samples.flatMap(({ objects }, index) =>
    objects.map(({ categoryId, box, area, isCrowd }) => ({
      picture: places[index] ?? 0,
      category: categoryId,
      box,
      area,
      isCrowd,
    })),
  )
}

function foundObjects(
  dataset: DetectionDataset,
  results: readonly DetectOutput[],
  category: (place: number) => number | undefined,
): { readonly found: readonly FoundObject[]; readonly unknown: number } {
  const places = placesById(dataset)
  let unknown = 0
  const found = results.flatMap((result, index) =>
    result.found.flatMap(({ box, score, class: place }) => {
      const known = category(place)
      if (known === undefined) unknown += 1
      return known === undefined
        ? []
        : [{ picture: places[index] ?? 0, category: known, box, score }]
    }),
  )
  return { found, unknown }
}

function headFindings(head: Head, named: Head | null): readonly Finding[] {
  if (named !== null) return []
  return [
    {
      code: 'recognised-head',
      severity: 'info',
      message: `The detector's output was read as ${head}, by its shape. Name another with "head" in the dataset descriptor.`,
    },
  ]
}

function detectionFindings(
  results: readonly DetectOutput[],
  unknown: number,
  ap: number | null,
): readonly Finding[] {
  const findings: Finding[] = []
  const warn = (code: string, message: string): void => {
    findings.push({ code, severity: 'warning', message })
  }
  const broken = results.reduce((sum, result) => sum + result.broken, 0)
  if (broken > 0) {
    warn('not-finite-boxes', `${broken} boxes hold NaN or infinity and were left out.`)
  }
  if (unknown > 0) {
    warn(
      'unknown-class',
      `${unknown} detections are of classes that the data set does not have and were left out. ` +
        'Where the classes are counted differently, give "labels" or "classIds" in the dataset descriptor.',
    )
  }
  if (ap === null) {
    warn('no-objects', 'The chosen pictures have no objects that count, so there is no mAP.')
  }
  return findings
}
