import { z } from 'zod'
import { ensure } from '../../base/error.ts'
import { isJsonObject } from '../../base/json-file.ts'
import { parseWith } from '../../base/parse-with.ts'
import type { LabelUse, VqaQuestion } from './read-vqav2.ts'
import { topLevelKeys } from './top-level-keys.ts'

const questionSchema = z.object({
  imageId: z.string().min(1),
  question: z.string(),
  answer: z.string().optional(),
  types: z.object({ structural: z.string().nullish(), semantic: z.string().nullish() }).nullish(),
})

/**
 * Reads the questions of GQA: a JSON object keyed by question id. Their ids are numbers with leading
 * zeros, so questions are numbered in file order from 1 on. The question type is the structural one
 * (query, verify ...), the answer type the semantic one (object, attribute ...).
 *
 * @param text - of the file: `JSON.parse` loses the order of keys that look like numbers
 * @see https://cs.stanford.edu/people/dorarad/gqa/download.html
 */
export function readGqa(
  value: unknown,
  text: string,
  file: string,
  labels: LabelUse,
): readonly VqaQuestion[] {
  ensure(isJsonObject(value), 'invalid-dataset', `${file} must hold an object of questions.`, {
    file,
  })
  const keys = topLevelKeys(text)
  ensure(
    new Set(keys).size === keys.length,
    'invalid-dataset',
    `${file} has a question id twice.`,
    { file },
  )
  ensure(keys.length > 0, 'empty-dataset', `${file} has no questions.`, { file })
  return keys.map((key, index) => {
    const at = `"${key.slice(0, 60)}"`
    const entry = parseWith(questionSchema, value[key], { code: 'invalid-dataset', file, at })
    ensure(
      entry.answer !== undefined || labels === 'optional',
      'invalid-dataset',
      `${file}: ${at} has no answer, so it cannot be scored.`,
      { file, question: key.slice(0, 60) },
    )
    return {
      id: index + 1,
      imageId: entry.imageId,
      question: entry.question,
      questionType: entry.types?.structural ?? 'unspecified',
      answerType: entry.types?.semantic ?? 'unspecified',
      answers: entry.answer === undefined ? [] : [entry.answer],
    }
  })
}
