import { ensure, MixbitError } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import { readDescriptor } from './descriptor.ts'
import type { DatasetDescriptor, DatasetOptions } from './descriptor.ts'
import { readJson } from '../base/json-file.ts'
import type { ImageId } from './path-pattern.ts'
import { imagePathWriter } from './path-pattern.ts'
import { ensurePictures, listPictures, picturesInFolder } from './pictures.ts'
import type { PictureFile } from './pictures.ts'
import { joinVqav2 } from './vqa/read-vqav2.ts'
import type { LabelUse, VqaQuestion } from './vqa/read-vqav2.ts'

/** One question and where its picture lies. */
export type VqaSample = VqaQuestion & {
  readonly imagePath: string
  /** Path of the picture, relative to the data set's folder. */
  readonly imageName: string
}

/** A data set of questions about pictures, checked and in file order. */
export type VqaDataset = {
  /** The descriptor's file name without `.json`, or the folder's name. */
  readonly name: string
  readonly samples: readonly VqaSample[]
  readonly options: DatasetOptions
  readonly findings: readonly Finding[]
}

/** Which samples are wanted. */
export type LoadOptions = {
  readonly labels: LabelUse
  /** Only the first ones in file order. */
  readonly limit?: number
  /** Only so many, spread evenly over file order. */
  readonly spread?: number
}

/** What is asked about a picture that comes without a question. */
const PLAIN_QUESTION = 'Describe the picture.'

/**
 * Loads a data set of questions about pictures: a dataset descriptor, or (where labels are
 * optional) a folder of pictures. Everything is checked before any work starts: every entry, every
 * path (`path-outside` if it leaves the descriptor's folder) and that each wanted picture exists.
 */
export async function loadVqaDataset(
  host: Host,
  path: string,
  options: LoadOptions,
): Promise<VqaDataset> {
  const isFolder = (await host.list(path)) !== undefined
  const all = isFolder ? await loadFolder(host, path, options) : await loadFile(host, path, options)
  const samples = choose(all.samples, options)
  ensure(samples.length > 0, 'empty-dataset', `${path} has no samples.`, { path })
  await ensurePictures(
    host,
    samples.map(({ imagePath, imageName, id }) => ({
      path: imagePath,
      name: imageName,
      neededBy: `question ${id} in ${path}`,
    })),
  )
  return { ...all, samples }
}

/** `count` samples (or all, if there are fewer), spread evenly over their order. */
export function spreadSamples<Sample>(
  samples: readonly Sample[],
  count: number,
): readonly Sample[] {
  if (count >= samples.length) return samples
  return samples.filter((_, index) => {
    const before = Math.floor((index * count) / samples.length)
    return Math.floor(((index + 1) * count) / samples.length) > before
  })
}

function choose(samples: readonly VqaSample[], options: LoadOptions): readonly VqaSample[] {
  const first = options.limit === undefined ? samples : samples.slice(0, options.limit)
  return options.spread === undefined ? first : spreadSamples(first, options.spread)
}

async function loadFile(host: Host, path: string, options: LoadOptions): Promise<VqaDataset> {
  const descriptor = await readDescriptor(host, path)
  const folder = folderOf(path)
  const name = fileNameOf(path).replace(/\.json$/i, '')
  if (descriptor.kind === 'images') {
    ensureLabelsOptional(options, path)
    const pictures = await listPictures(host, folder, descriptor.pictures)
    return withoutQuestions(name, pictures, descriptor.options)
  }
  return { name, ...(await loadVqav2(host, path, folder, descriptor, options.labels)) }
}

async function loadFolder(host: Host, path: string, options: LoadOptions): Promise<VqaDataset> {
  ensureLabelsOptional(options, path)
  return withoutQuestions(fileNameOf(path), await picturesInFolder(host, path, '.'), {})
}

function ensureLabelsOptional(options: LoadOptions, path: string): void {
  ensure(
    options.labels === 'optional',
    'invalid-dataset',
    `${path} has pictures without questions and answers, so it cannot be scored. ` +
      'Give the descriptor of a data set of kind vqav2.',
    { file: path },
  )
}

async function loadVqav2(
  host: Host,
  file: string,
  folder: string,
  descriptor: Extract<DatasetDescriptor, { kind: 'vqav2' }>,
  labels: LabelUse,
): Promise<Omit<VqaDataset, 'name'>> {
  const imageName = imagePathWriter(descriptor.images, file)
  const questionsFile = host.within(folder, descriptor.questions)
  const annotationsFile = annotationsPath(host, file, folder, descriptor, labels)
  const { questions, findings } = joinVqav2({
    labels,
    questionsFile,
    questions: await readJson(host, questionsFile, 'invalid-dataset'),
    ...(annotationsFile !== undefined && {
      annotationsFile,
      annotations: await readJson(host, annotationsFile, 'invalid-dataset'),
    }),
  })
  const paths = new Map<ImageId, PictureFile>()
  const samples = questions.map((question) => {
    const name = imageName(question.imageId)
    const picture = paths.get(question.imageId) ?? { name, path: host.within(folder, name) }
    paths.set(question.imageId, picture)
    return { ...question, imagePath: picture.path, imageName: picture.name }
  })
  return { samples, options: descriptor.options, findings }
}

function annotationsPath(
  host: Host,
  file: string,
  folder: string,
  descriptor: Extract<DatasetDescriptor, { kind: 'vqav2' }>,
  labels: LabelUse,
): string | undefined {
  if (descriptor.annotations !== undefined) return host.within(folder, descriptor.annotations)
  if (labels === 'optional') return undefined
  throw new MixbitError(
    'invalid-dataset',
    `${file}: annotations is missing. Without answers nothing can be scored.`,
    { file, key: 'annotations' },
  )
}

function withoutQuestions(
  name: string,
  pictures: readonly PictureFile[],
  options: DatasetOptions,
): VqaDataset {
  const samples = pictures.map((picture, index) => ({
    id: index + 1,
    imageId: picture.name,
    question: PLAIN_QUESTION,
    questionType: 'unspecified',
    answerType: 'unspecified',
    answers: [],
    imagePath: picture.path,
    imageName: picture.name,
  }))
  const finding: Finding = {
    code: 'pictures-without-questions',
    severity: 'info',
    message: `${name} has pictures only; each is used with "${PLAIN_QUESTION}".`,
    subject: name,
  }
  return { name, samples, options, findings: [finding] }
}

/** The folder of a path; a backslash parts only where no slash does, or after a drive letter. */
function folderOf(path: string): string {
  const end = lastSeparator(path)
  if (end < 0) return '.'
  return end === 0 ? path.slice(0, 1) : path.slice(0, end)
}

function fileNameOf(path: string): string {
  const trimmed = path.replace(/[/\\]+$/, '')
  return trimmed.slice(lastSeparator(trimmed) + 1)
}

function lastSeparator(path: string): number {
  const isWindows = /^(?:[a-z]:|\\\\)/i.test(path) || !path.includes('/')
  return Math.max(path.lastIndexOf('/'), isWindows ? path.lastIndexOf('\\') : -1)
}
