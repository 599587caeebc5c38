import { MixbitError, ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { ClassificationDataset } from './classification/read-classification.ts'
import { loadClassification } from './classification/read-classification.ts'
import type { LoadOptions } from './dataset.ts'
import { readDescriptor } from './descriptor.ts'
import type { DatasetDescriptor } from './descriptor.ts'
import type { DetectionDataset } from './detection/load-detection.ts'
import { loadDetection } from './detection/load-detection.ts'
import { fileNameOf, folderOf } from './paths.ts'
import type { PictureFile } from './pictures.ts'
import { ensurePictures, listPictures, picturesInFolder } from './pictures.ts'
import type { PreprocessSpec } from './preprocess.ts'
import type { SampleChoice } from './samples.ts'
import { chooseSamples } from './samples.ts'
import type { StsDataset } from './sts/load-sts.ts'
import { loadSts } from './sts/load-sts.ts'
import type { TensorsDataset } from './tensors/load-tensors.ts'
import { loadTensors } from './tensors/load-tensors.ts'
import type { TextDataset } from './text/load-text.ts'
import { loadText } from './text/load-text.ts'

/** Pictures without labels, for calibration and comparison. */
export type PicturesDataset = {
  readonly kind: 'images'
  readonly samples: readonly PictureFile[]
  readonly preprocess: PreprocessSpec | null
}

/** A data set for a graph that does a task by itself, checked and in file order. */
export type TaskDataset = {
  /** The descriptor's file name without `.json`, or the folder's name. */
  readonly name: string
  readonly findings: readonly Finding[]
} & (
  | PicturesDataset
  | ClassificationDataset
  | DetectionDataset
  | TextDataset
  | StsDataset
  | TensorsDataset
)

/**
 * Loads a data set for a single graph: a dataset descriptor, or (where labels are optional) a folder of
 * pictures, or one with a .npy file an input. Everything is checked before any work starts: every entry, every path
 * (`path-outside` if it leaves the descriptor's folder) and that each wanted picture exists.
 */
export async function loadTaskDataset(
  host: Host,
  path: string,
  options: LoadOptions,
): Promise<TaskDataset> {
  const isFolder = (await host.list(path)) !== undefined
  if (isFolder) return finished(host, path, options, await loadFolder(host, path, options))
  const descriptor = await readDescriptor(host, path)
  return finished(host, path, options, await load(host, path, descriptor, options))
}

/** What numpy saves. */
const ARRAY_NAME = /\.npy$/

/** A data set without its name. */
type Loaded =
  | PicturesDataset
  | ClassificationDataset
  | DetectionDataset
  | TextDataset
  | StsDataset
  | TensorsDataset

/** A folder of pictures, or of ready-made inputs: `<input>.npy`, whose first axis counts the samples. */
async function loadFolder(host: Host, path: string, options: LoadOptions): Promise<Loaded> {
  const samples = await picturesInFolder(host, path, '.')
  const names = (await host.list(path)) ?? []
  const arrays = names.filter((name) => ARRAY_NAME.test(name))
  if (arrays.length === 0) return { kind: 'images', samples, preprocess: null }
  ensure(
    samples.length === 0,
    'invalid-dataset',
    `${path} has pictures and .npy files, so what the model shall get is not clear. Give a dataset ` +
      'descriptor of kind images or tensors.',
    { path, pictures: samples.length, arrays: arrays.length },
  )
  const inputs = Object.fromEntries(arrays.map((name) => [name.replace(ARRAY_NAME, ''), name]))
  const descriptor = { kind: 'tensors', inputs, labels: null, output: null } as const
  return loadTensors(host, descriptor, { file: path, folder: path }, options.labels)
}

async function load(
  host: Host,
  file: string,
  descriptor: DatasetDescriptor,
  options: LoadOptions,
): Promise<Loaded> {
  const place = { file, folder: folderOf(file) }
  switch (descriptor.kind) {
    case 'images': {
      const samples = await listPictures(host, place.folder, descriptor.pictures)
      return { kind: 'images', samples, preprocess: descriptor.options.preprocess ?? null }
    }
    case 'image-classification':
      return loadClassification(host, descriptor, place)
    case 'coco-detection':
      return loadDetection(host, descriptor, place)
    case 'text':
      return loadText(host, descriptor, place)
    case 'sts':
      return loadSts(host, descriptor, place)
    case 'tensors':
      return loadTensors(host, descriptor, place, options.labels)
    case 'vqav2':
    case 'coco-qa':
    case 'textvqa':
    case 'gqa':
      throw new MixbitError(
        'invalid-dataset',
        `${file} is a data set of kind ${descriptor.kind}, which asks questions about pictures. A single ` +
          'graph cannot answer them; give the folder of a model with a vision encoder and a decoder.',
        { file, kind: descriptor.kind },
      )
  }
}

async function finished(
  host: Host,
  path: string,
  options: LoadOptions,
  loaded: Loaded,
): Promise<TaskDataset> {
  if (loaded.kind === 'images') ensureLabelsOptional(path, options)
  const chosen = choose(loaded, options)
  const name = fileNameOf(path).replace(/\.json$/i, '')
  if ('samples' in chosen) {
    ensure(chosen.samples.length > 0, 'empty-dataset', `${path} has no samples.`, { path })
  }
  await ensurePictures(host, picturesOf(chosen, path))
  return { name, findings: [], ...chosen }
}

function ensureLabelsOptional(path: string, options: LoadOptions): void {
  ensure(
    options.labels === 'optional',
    'invalid-dataset',
    `${path} has pictures without labels, so it cannot be scored. Give the descriptor of a data set ` +
      'of kind image-classification or coco-detection.',
    { file: path },
  )
}

/** The data set with only its first samples. */
export function firstSamples(dataset: TaskDataset, limit: number): TaskDataset {
  const { name, findings } = dataset
  return { name, findings, ...choose(dataset, { limit }) }
}

/** Text is cut into windows later, with the model's tokenizer, and chosen from then. */
function choose(loaded: Loaded, options: SampleChoice): Loaded {
  switch (loaded.kind) {
    case 'images':
      return { ...loaded, samples: chooseSamples(loaded.samples, options) }
    case 'image-classification':
      return { ...loaded, samples: chooseSamples(loaded.samples, options) }
    case 'coco-detection':
      return { ...loaded, samples: chooseSamples(loaded.samples, options) }
    case 'sts':
      return { ...loaded, samples: chooseSamples(loaded.samples, options) }
    case 'tensors':
      return { ...loaded, samples: chooseSamples(loaded.samples, options) }
    case 'text':
      return { ...loaded, choice: { ...loaded.choice, ...options } }
  }
}

function picturesOf(
  loaded: Loaded,
  path: string,
): readonly (PictureFile & { readonly neededBy: string })[] {
  switch (loaded.kind) {
    case 'images':
      return loaded.samples.map((picture) => ({ ...picture, neededBy: path }))
    case 'image-classification':
    case 'coco-detection':
      return loaded.samples.map(({ picture }) => ({ ...picture, neededBy: path }))
    case 'text':
    case 'sts':
    case 'tensors':
      return []
  }
}
