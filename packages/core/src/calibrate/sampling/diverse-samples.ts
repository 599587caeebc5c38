import type { Host } from '../../base/host.ts'
import type { VqaSample } from '../../tasks/dataset.ts'
import type { SampleModel, Sources } from '../../tasks/sample-feeds.ts'
import { openSources } from '../../tasks/sample-feeds.ts'
import type { TaskDataset } from '../../tasks/task-dataset.ts'
import type { TaskModel } from '../../tasks/task-model.ts'
import type { VlmModel } from '../../tasks/vqa/answer.ts'
import { groupByPicture } from '../../tasks/vqa/group-by-picture.ts'
import { kCenter } from './k-center.ts'
import type { PictureFeaturesInput } from './picture-features.ts'
import type { SampleFeaturesInput } from './sample-features.ts'

/** How many samples are wanted; the seed decides how long feature vectors are shortened. */
export type DiverseChoice = { readonly count: number; readonly seed: number }

/**
 * A varied choice of questions: by what the float model's vision encoder makes of their pictures.
 * They stay in file order. Memory: at most 256 numbers a picture.
 */
export async function diverseQuestions(
  host: Pick<Host, 'pool' | 'emit'>,
  model: VlmModel,
  samples: readonly VqaSample[],
  { count, seed }: DiverseChoice,
): Promise<readonly VqaSample[]> {
  if (count >= samples.length) return samples
  const paths = groupByPicture(samples).map(([first]) => first?.imagePath ?? '')
  const inputs = paths.map((imagePath): PictureFeaturesInput => ({ model, imagePath, seed }))
  const features = await runAll(host, 'picture-features', inputs, paths.length)
  const byPath = new Map(paths.map((path, index) => [path, features[index]]))
  const points = samples.map(({ imagePath }) => byPath.get(imagePath) ?? new Float32Array())
  return picked(samples, kCenter(points, count))
}

/**
 * A varied choice from a data set of a single graph: by what the float graph makes of each sample, of a
 * pair of sentences by both. They stay in file order. Memory: at most 256 numbers a sample or sentence.
 */
export async function diverseSamples(
  host: Host,
  model: TaskModel & SampleModel,
  dataset: TaskDataset,
  choice: DiverseChoice,
): Promise<TaskDataset> {
  if (dataset.kind !== 'text' && choice.count >= dataset.samples.length) return dataset
  const { total, sources } = await openSources(host, dataset, model)
  if (choice.count >= total) return dataset
  const features = await sourceFeatures(host, model, { total, sources }, choice.seed)
  const points = dataset.kind === 'sts' ? inPairs(features) : features
  return withPlaces(dataset, kCenter(points, choice.count))
}

/** What the graph makes of each sample, in their order. */
function sourceFeatures(
  host: Host,
  { file, options }: TaskModel,
  { total, sources }: Sources,
  seed: number,
): Promise<readonly Float32Array[]> {
  async function* inputs(): AsyncGenerator<SampleFeaturesInput> {
    for await (const source of sources) yield { model: { file, options }, source, seed }
  }
  return runAll(host, 'sample-features', inputs(), total)
}

/** Each two vectors in a row as one. */
function inPairs(vectors: readonly Float32Array[]): readonly Float32Array[] {
  return vectors.flatMap((first, index) => {
    if (index % 2 === 1) return []
    return [Float32Array.of(...first, ...(vectors[index + 1] ?? []))]
  })
}

/** The data set with the samples at these places. */
function withPlaces(dataset: TaskDataset, places: readonly number[]): TaskDataset {
  switch (dataset.kind) {
    case 'images':
      return { ...dataset, samples: picked(dataset.samples, places) }
    case 'image-classification':
      return { ...dataset, samples: picked(dataset.samples, places) }
    case 'coco-detection':
      return { ...dataset, samples: picked(dataset.samples, places) }
    case 'tensors':
      return { ...dataset, samples: picked(dataset.samples, places) }
    case 'sts':
      return { ...dataset, samples: picked(dataset.samples, places) }
    case 'text':
      return { ...dataset, places }
  }
}

async function runAll<Input>(
  host: Pick<Host, 'pool' | 'emit'>,
  job: string,
  inputs: Iterable<Input> | AsyncIterable<Input>,
  total: number,
): Promise<readonly Float32Array[]> {
  const stage = 'choose samples'
  host.emit({ kind: 'stage', stage })
  const features: Float32Array[] = []
  for await (const feature of host.pool.map<Input, Float32Array>(job, inputs)) {
    features.push(feature)
    host.emit({ kind: 'progress', stage, done: features.length, total, unit: 'samples' })
  }
  return sameLength(features)
}

/** Features of an output whose shape the graph leaves open may differ in length: zeros fill them up. */
function sameLength(features: readonly Float32Array[]): readonly Float32Array[] {
  const length = features.reduce((most, feature) => Math.max(most, feature.length), 0)
  return features.map((feature) => {
    if (feature.length === length) return feature
    const filled = new Float32Array(length)
    filled.set(feature)
    return filled
  })
}

function picked<Sample>(samples: readonly Sample[], places: readonly number[]): readonly Sample[] {
  const wanted = new Set(places)
  return samples.filter((_, index) => wanted.has(index))
}
