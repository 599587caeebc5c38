import { ensure } from '../../base/error.ts'
import type { VqaQuestion } from './read-vqav2.ts'

/** The names of COCO-QA's question types, by the numbers of `types.txt`. */
const COCO_QA_TYPES = ['object', 'number', 'color', 'location'] as const

/** One line-aligned text file. */
export type LineFile = {
  readonly file: string
  readonly text: string
}

export type CocoQaInput = {
  readonly questions: LineFile
  readonly answers: LineFile | null
  readonly imageIds: LineFile
  readonly types: LineFile | null
}

/**
 * Joins the line-aligned files of COCO-QA: line n of each is question n. Ids are line numbers.
 *
 * Ren, Kiros and Zemel, "Exploring Models and Data for Image Question Answering", NIPS 2015.
 * @see https://www.cs.toronto.edu/~mren/research/imageqa/data/cocoqa/
 */
export function joinCocoQa(input: CocoQaInput): readonly VqaQuestion[] {
  const questions = linesOf(input.questions)
  const imageIds = aligned(input.imageIds, questions.length, input)
  const answers = input.answers && aligned(input.answers, questions.length, input)
  const types = input.types && aligned(input.types, questions.length, input)
  return questions.map((question, index) => {
    const type = types === null ? 'unspecified' : typeName(types[index] ?? '', index, input)
    const answer = answers?.[index]
    return {
      id: index + 1,
      imageId: imageNumber(imageIds[index] ?? '', index, input),
      question,
      questionType: type,
      answerType: type,
      answers: answer === undefined ? [] : [answer],
    }
  })
}

/** Lines without the empty one that ends the file. */
function linesOf({ file, text }: LineFile): readonly string[] {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const empty = lines.findIndex((line) => line.trim() === '')
  ensure(empty < 0, 'invalid-dataset', `${file}: line ${empty + 1} is empty.`, {
    file,
    line: empty + 1,
  })
  ensure(lines.length > 0, 'empty-dataset', `${file} has no lines.`, { file })
  return lines.map((line) => line.trim())
}

function aligned(lines: LineFile, wanted: number, { questions }: CocoQaInput): readonly string[] {
  const found = linesOf(lines)
  ensure(
    found.length === wanted,
    'invalid-dataset',
    `${lines.file} has ${found.length} lines and ${questions.file} has ${wanted}; line n of both must be question n.`,
    { file: lines.file, lines: found.length, wanted },
  )
  return found
}

function typeName(text: string, index: number, { types }: CocoQaInput): string {
  const name = /^\d$/.test(text) ? COCO_QA_TYPES[Number(text)] : undefined
  const file = types?.file ?? ''
  ensure(
    name !== undefined,
    'invalid-dataset',
    `${file}: line ${index + 1} is "${text.slice(0, 60)}"; types are 0 object, 1 number, 2 color, 3 location.`,
    { file, line: index + 1 },
  )
  return name
}

function imageNumber(text: string, index: number, { imageIds }: CocoQaInput): number {
  ensure(
    /^\d{1,15}$/.test(text),
    'invalid-dataset',
    `${imageIds.file}: line ${index + 1} is "${text.slice(0, 60)}"; a picture's number was expected.`,
    { file: imageIds.file, line: index + 1 },
  )
  return Number(text)
}
