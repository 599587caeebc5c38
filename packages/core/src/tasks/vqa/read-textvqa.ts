import { z } from 'zod'
import { ensure } from '../../base/error.ts'
import { parseWith } from '../../base/parse-with.ts'
import type { LabelUse, VqaQuestion } from './read-vqav2.ts'

/** More answers to one question than this are no annotation. */
const MOST_ANSWERS = 1000

const fileSchema = z.object({ data: z.array(z.unknown()) })

const questionSchema = z.object({
  question_id: z.int(),
  image_id: z.union([z.int().min(0), z.string().min(1)], {
    error: 'must be a whole number from 0 on, or text',
  }),
  question: z.string(),
  answers: z.array(z.string()).max(MOST_ANSWERS).optional(),
})

/**
 * Reads `TextVQA_0.5.1_<split>.json`: questions and their ten answers in one file. It has no types
 * of questions. Keys that are not needed (picture sizes, classes, tokens) are not looked at.
 *
 * @see https://textvqa.org/dataset/
 */
export function readTextvqa(
  value: unknown,
  file: string,
  labels: LabelUse,
): readonly VqaQuestion[] {
  const { data } = parseWith(fileSchema, value, { code: 'invalid-dataset', file })
  ensure(data.length > 0, 'empty-dataset', `${file} has no questions.`, { file })
  const ids = new Set<number>()
  return data.map((each, index) => {
    const at = `data[${index}]`
    const entry = parseWith(questionSchema, each, { code: 'invalid-dataset', file, at })
    const { question_id: id, image_id: imageId, question, answers = [] } = entry
    ensure(!ids.has(id), 'invalid-dataset', `${file}: ${at} repeats question_id ${id}.`, {
      file,
      questionId: id,
    })
    ids.add(id)
    ensure(
      answers.length > 0 || labels === 'optional',
      'invalid-dataset',
      `${file}: ${at} has no answers, so it cannot be scored. The test split has none.`,
      { file, questionId: id },
    )
    return {
      id,
      imageId,
      question,
      questionType: 'unspecified',
      answerType: 'unspecified',
      answers,
    }
  })
}
