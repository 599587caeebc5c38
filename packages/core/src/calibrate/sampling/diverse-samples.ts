import { MixbitError } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import type { VqaSample } from '../../tasks/dataset.ts'
import type { SampleModel } from '../../tasks/sample-feeds.ts'
import { sampleSources } from '../../tasks/sample-feeds.ts'
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
 * A varied choice from a data set of a single graph: by what the float graph makes of each sample. They
 * stay in file order. Memory: at most 256 numbers a sample.
 */
export async function diverseSamples(
  host: Host,
  model: TaskModel & SampleModel,
  dataset: TaskDataset,
  choice: DiverseChoice,
): Promise<TaskDataset> {
  switch (dataset.kind) {
    case 'images':
      return { ...dataset, samples: await chosen(host, model, dataset, dataset.samples, choice) }
    case 'image-classification':
      return { ...dataset, samples: await chosen(host, model, dataset, dataset.samples, choice) }
    case 'coco-detection':
      return { ...dataset, samples: await chosen(host, model, dataset, dataset.samples, choice) }
    case 'tensors':
      return { ...dataset, samples: await chosen(host, model, dataset, dataset.samples, choice) }
    case 'text':
    case 'sts':
      throw new MixbitError(
        'invalid-dataset',
        `${dataset.name} is a data set of kind ${dataset.kind}; diverse samples are chosen from pictures and tensors. Use --sampling spread.`,
        { data: dataset.name, kind: dataset.kind },
      )
  }
}

/** The chosen ones of a data set whose samples give one model input each. */
async function chosen<Sample>(
  host: Host,
  { file, options, ...model }: TaskModel & SampleModel,
  dataset: TaskDataset,
  samples: readonly Sample[],
  { count, seed }: DiverseChoice,
): Promise<readonly Sample[]> {
  if (count >= samples.length) return samples
  async function* inputs(): AsyncGenerator<SampleFeaturesInput> {
    for await (const source of sampleSources(host, dataset, model)) {
      yield { model: { file, options }, source, seed }
    }
  }
  const features = await runAll(host, 'sample-features', inputs(), samples.length)
  return picked(samples, kCenter(features, count))
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
