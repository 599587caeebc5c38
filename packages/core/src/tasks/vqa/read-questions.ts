import { MixbitError } from '../../base/error.ts'
import type { Finding } from '../../base/finding.ts'
import type { Host } from '../../base/host.ts'
import { parseJsonText, readJson, readText } from '../../base/json-file.ts'
import type { QuestionDescriptor } from '../descriptor-questions.ts'
import type { LineFile } from './read-coco-qa.ts'
import { joinCocoQa } from './read-coco-qa.ts'
import { readGqa } from './read-gqa.ts'
import { readTextvqa } from './read-textvqa.ts'
import type { LabelUse, VqaQuestion } from './read-vqav2.ts'
import { joinVqav2 } from './read-vqav2.ts'
import type { Scoring } from './scoring.ts'

/** The questions of a data set, in file order. */
export type Questions = {
  readonly questions: readonly VqaQuestion[]
  readonly findings: readonly Finding[]
  readonly scoring: Scoring
}

export type QuestionPlace = {
  /** The descriptor. */
  readonly file: string
  readonly folder: string
  readonly labels: LabelUse
}

type Of<Kind> = QuestionDescriptor & { readonly kind: Kind }

/** Reads the files that a descriptor of questions names. */
export async function readQuestions(
  host: Pick<Host, 'open' | 'within'>,
  descriptor: QuestionDescriptor,
  place: QuestionPlace,
): Promise<Questions> {
  switch (descriptor.kind) {
    case 'vqav2':
      return readVqav2(host, descriptor, place)
    case 'coco-qa':
      return readCocoQa(host, descriptor, place)
    case 'textvqa': {
      const path = host.within(place.folder, descriptor.questions)
      const value = await readJson(host, path, 'invalid-dataset')
      const questions = readTextvqa(value, path, place.labels)
      return { questions, findings: [], scoring: 'textvqa' }
    }
    case 'gqa': {
      const path = host.within(place.folder, descriptor.questions)
      const text = await readText(host, path, 'invalid-dataset')
      const value = parseJsonText(text, path, 'invalid-dataset')
      return { questions: readGqa(value, text, path, place.labels), findings: [], scoring: 'gqa' }
    }
  }
}

async function readVqav2(
  host: Pick<Host, 'open' | 'within'>,
  { questions, annotations }: Of<'vqav2'>,
  { file, folder, labels }: QuestionPlace,
): Promise<Questions> {
  const questionsFile = host.within(folder, questions)
  if (annotations === undefined) ensureUnlabelled('annotations', file, labels)
  const annotationsFile = annotations === undefined ? undefined : host.within(folder, annotations)
  const joined = joinVqav2({
    labels,
    questionsFile,
    questions: await readJson(host, questionsFile, 'invalid-dataset'),
    ...(annotationsFile !== undefined && {
      annotationsFile,
      annotations: await readJson(host, annotationsFile, 'invalid-dataset'),
    }),
  })
  return { ...joined, scoring: 'vqa' }
}

async function readCocoQa(
  host: Pick<Host, 'open' | 'within'>,
  { questions, answers, imageIds, types }: Of<'coco-qa'>,
  { file, folder, labels }: QuestionPlace,
): Promise<Questions> {
  if (answers === undefined) ensureUnlabelled('answers', file, labels)
  const lines = async (name: string): Promise<LineFile> => {
    const path = host.within(folder, name)
    return { file: path, text: await readText(host, path, 'invalid-dataset') }
  }
  const joined = joinCocoQa({
    questions: await lines(questions),
    answers: answers === undefined ? null : await lines(answers),
    imageIds: await lines(imageIds),
    types: types === undefined ? null : await lines(types),
  })
  return { questions: joined, findings: [], scoring: 'coco-qa' }
}

function ensureUnlabelled(key: string, file: string, labels: LabelUse): void {
  if (labels === 'optional') return
  throw new MixbitError(
    'invalid-dataset',
    `${file}: ${key} is missing. Without answers nothing can be scored.`,
    { file, key },
  )
}
