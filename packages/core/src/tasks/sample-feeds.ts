import { MixbitError } from '../base/error.ts'
import type { Host, JobContext, NamedTensors, Session } from '../base/host.ts'
import type { AssumedResize } from './picture-input.ts'
import { pictureFeeds } from './picture-input.ts'
import type { PreprocessSpec } from './preprocess.ts'
import { sentenceIds } from './sts/sentence-ids.ts'
import type { StsDataset } from './sts/load-sts.ts'
import type { TaskDataset } from './task-dataset.ts'
import type { TensorsDataset } from './tensors/load-tensors.ts'
import { openSamples } from './tensors/load-tensors.ts'
import { tensorFeeds } from './tensors/run-tensors.ts'
import { textFeeds } from './text/causal-feeds.ts'
import { tokenizerFolder, windowsOf } from './text/load-text.ts'

/** One sample of any data set as plain data, from which a job makes a model's inputs. */
export type SampleSource =
  | {
      readonly kind: 'picture'
      readonly imagePath: string
      /** Null: assumed from the shape of the model's input. */
      readonly preprocess: PreprocessSpec | null
      readonly assumed: AssumedResize
    }
  | { readonly kind: 'tokens'; readonly ids: readonly number[] }
  | { readonly kind: 'tensors'; readonly sample: NamedTensors }

/** What samples need to know of the model that they are for. */
export type SampleModel = {
  /** Folder of its tokenizer; null where there is none. */
  readonly folder: string | null
  /** Its own preprocessing, for data sets that name none; null where there is none. */
  readonly preprocess: PreprocessSpec | null
}

/** The samples of a data set for a model, and how many there are. */
export type Sources = { readonly total: number; readonly sources: AsyncIterable<SampleSource> }

/**
 * The samples of a data set, without their labels, for calibration and comparison; each is read when
 * it is asked for, so that memory does not grow with their number. Sentences of pairs come singly.
 */
export async function openSources(
  host: Pick<Host, 'open' | 'tokenizer'>,
  dataset: TaskDataset,
  model: SampleModel,
): Promise<Sources> {
  switch (dataset.kind) {
    case 'images':
    case 'image-classification':
    case 'coco-detection':
      return { total: dataset.samples.length, sources: pictureSources(dataset, model) }
    case 'text': {
      const windows = await windowsOf(host, dataset, model.folder)
      return { total: windows.length, sources: tokenSources(windows.map(({ ids }) => ids)) }
    }
    case 'sts':
      return { total: 2 * dataset.samples.length, sources: sentenceSources(host, dataset, model) }
    case 'tensors':
      return { total: dataset.samples.length, sources: tensorSources(host, dataset) }
  }
}

/** The same, where nobody asks how many there are. */
export async function* sampleSources(
  host: Pick<Host, 'open' | 'tokenizer'>,
  dataset: TaskDataset,
  model: SampleModel,
): AsyncGenerator<SampleSource> {
  yield* (await openSources(host, dataset, model)).sources
}

async function* tokenSources(sequences: Iterable<readonly number[]>): AsyncGenerator<SampleSource> {
  for (const ids of sequences) yield { kind: 'tokens', ids }
}

async function* sentenceSources(
  host: Pick<Host, 'tokenizer'>,
  dataset: StsDataset,
  model: SampleModel,
): AsyncGenerator<SampleSource> {
  const tokenizer = await host.tokenizer(tokenizerFolder(dataset.tokenizer, model.folder))
  for (const { first, second } of dataset.samples) {
    const sentences = [first, second].map((sentence) =>
      sentenceIds(tokenizer, sentence, dataset.mostTokens),
    )
    yield* tokenSources(sentences.map(({ ids }) => ids))
  }
}

async function* tensorSources(
  host: Pick<Host, 'open'>,
  dataset: TensorsDataset,
): AsyncGenerator<SampleSource> {
  const opened = await openSamples(host, dataset)
  try {
    for (const { index } of dataset.samples) {
      yield { kind: 'tensors', sample: await opened.read(index) }
    }
  } finally {
    await opened.close()
  }
}

type PictureDataset = Extract<
  TaskDataset,
  { readonly kind: 'images' | 'image-classification' | 'coco-detection' }
>

async function* pictureSources(
  dataset: PictureDataset,
  model: SampleModel,
): AsyncGenerator<SampleSource> {
  const preprocess = dataset.preprocess ?? model.preprocess
  const isDetection = dataset.kind === 'coco-detection'
  const assumed = isDetection && dataset.settings.head !== 'ssd' ? 'letterbox' : 'stretch'
  for (const sample of dataset.samples) {
    const { path } = 'picture' in sample ? sample.picture : sample
    yield { kind: 'picture', imagePath: path, preprocess, assumed }
  }
}

/** A sample as the inputs of a model, inside a job. */
export async function sampleFeeds(
  session: Session,
  source: SampleSource,
  context: Pick<JobContext, 'decodeImage'>,
): Promise<NamedTensors> {
  return (await preparedFeeds(session, source, context)).feeds
}

/** The inputs, and how its picture was prepared; null for what is no picture. */
export async function preparedFeeds(
  session: Session,
  source: SampleSource,
  context: Pick<JobContext, 'decodeImage'>,
): Promise<{ readonly feeds: NamedTensors; readonly preprocess: PreprocessSpec | null }> {
  switch (source.kind) {
    case 'picture': {
      const picture = await context.decodeImage(source.imagePath)
      const { feeds, spec } = pictureFeeds(session, picture, source.preprocess, source.assumed)
      return { feeds, preprocess: spec }
    }
    case 'tokens':
      if (source.ids.length > 0) {
        return { feeds: textFeeds(session, source.ids), preprocess: null }
      }
      throw new MixbitError(
        'invalid-dataset',
        'A sentence of the data set has no tokens. Remove it.',
      )
    case 'tensors':
      return { feeds: tensorFeeds(session, source.sample), preprocess: null }
  }
}
