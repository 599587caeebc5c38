import { MixbitError } from '../base/error.ts'
import type { Host, JobContext, NamedTensors, Session } from '../base/host.ts'
import type { AssumedResize } from './picture-input.ts'
import { pictureFeeds } from './picture-input.ts'
import type { PreprocessSpec } from './preprocess.ts'
import type { TaskDataset } from './task-dataset.ts'
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

/**
 * The samples of a data set, without their labels, for calibration and comparison; each is read when
 * it is asked for, so that memory does not grow with their number. Sentences of pairs come singly.
 */
export async function* sampleSources(
  host: Host,
  dataset: TaskDataset,
  model: SampleModel,
): AsyncGenerator<SampleSource> {
  switch (dataset.kind) {
    case 'images':
    case 'image-classification':
    case 'coco-detection':
      yield* pictureSources(dataset, model)
      return
    case 'text':
      for (const { ids } of await windowsOf(host, dataset, model.folder))
        yield { kind: 'tokens', ids }
      return
    case 'sts': {
      const tokenizer = await host.tokenizer(tokenizerFolder(dataset.tokenizer, model.folder))
      for (const { first, second } of dataset.samples) {
        yield { kind: 'tokens', ids: tokenizer.encodeAlone(first).slice(0, dataset.mostTokens) }
        yield { kind: 'tokens', ids: tokenizer.encodeAlone(second).slice(0, dataset.mostTokens) }
      }
      return
    }
    case 'tensors': {
      const opened = await openSamples(host, dataset)
      try {
        for (const { index } of dataset.samples) {
          yield { kind: 'tensors', sample: await opened.read(index) }
        }
      } finally {
        await opened.close()
      }
    }
  }
}

type PictureDataset = Extract<
  TaskDataset,
  { readonly kind: 'images' | 'image-classification' | 'coco-detection' }
>

function* pictureSources(dataset: PictureDataset, model: SampleModel): Generator<SampleSource> {
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
  switch (source.kind) {
    case 'picture': {
      const picture = await context.decodeImage(source.imagePath)
      return pictureFeeds(session, picture, source.preprocess, source.assumed).feeds
    }
    case 'tokens':
      if (source.ids.length > 0) return textFeeds(session, source.ids)
      throw new MixbitError(
        'invalid-dataset',
        'A sentence of the data set has no tokens. Remove it.',
      )
    case 'tensors':
      return tensorFeeds(session, source.sample)
  }
}
