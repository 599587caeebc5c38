import { ensure, MixbitError } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import { readDescriptor } from './descriptor.ts'
import type { DatasetOptions, QuestionDescriptor } from './descriptor-questions.ts'
import { fileNameOf, folderOf } from './paths.ts'
import type { ImageId } from './path-pattern.ts'
import { imagePathWriter } from './path-pattern.ts'
import { ensurePictures, listPictures, picturesInFolder } from './pictures.ts'
import type { PictureFile } from './pictures.ts'
import type { SampleChoice } from './samples.ts'
import { chooseSamples } from './samples.ts'
import { readQuestions } from './vqa/read-questions.ts'
import type { LabelUse, VqaQuestion } from './vqa/read-vqav2.ts'
import type { Scoring } from './vqa/scoring.ts'

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
  /** How answers are scored; by VQA accuracy without it. */
  readonly scoring?: Scoring
}

/** Which samples are wanted. */
export type LoadOptions = SampleChoice & { readonly labels: LabelUse }

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
  const samples = chooseSamples(all.samples, options)
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

async function loadFile(host: Host, path: string, options: LoadOptions): Promise<VqaDataset> {
  const descriptor = await readDescriptor(host, path)
  const folder = folderOf(path)
  const name = fileNameOf(path).replace(/\.json$/i, '')
  switch (descriptor.kind) {
    case 'images': {
      ensureLabelsOptional(options, path)
      const pictures = await listPictures(host, folder, descriptor.pictures)
      return withoutQuestions(name, pictures, descriptor.options)
    }
    case 'vqav2':
    case 'coco-qa':
    case 'textvqa':
    case 'gqa':
      return { name, ...(await loadQuestions(host, path, folder, descriptor, options.labels)) }
    case 'image-classification':
    case 'coco-detection':
    case 'text':
    case 'sts':
    case 'tensors':
      throw new MixbitError(
        'invalid-dataset',
        `${path} is a data set of kind ${descriptor.kind}, which has no questions about pictures. ` +
          'Give one of kind vqav2, coco-qa, textvqa, gqa or images, or a model of that task.',
        { file: path, kind: descriptor.kind },
      )
  }
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

async function loadQuestions(
  host: Host,
  file: string,
  folder: string,
  descriptor: QuestionDescriptor,
  labels: LabelUse,
): Promise<Omit<VqaDataset, 'name'>> {
  const imageName = imagePathWriter(descriptor.images, file)
  const within = { file, folder, labels }
  const { questions, findings, scoring } = await readQuestions(host, descriptor, within)
  const paths = new Map<ImageId, PictureFile>()
  const samples = questions.map((question) => {
    const name = imageName(question.imageId)
    const picture = paths.get(question.imageId) ?? { name, path: host.within(folder, name) }
    paths.set(question.imageId, picture)
    return { ...question, imagePath: picture.path, imageName: picture.name }
  })
  return { samples, options: descriptor.options, findings, scoring }
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
