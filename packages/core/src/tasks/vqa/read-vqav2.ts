import { z } from 'zod'
import { ensure, MixbitError } from '../../base/error.ts'
import type { Finding } from '../../base/finding.ts'
import type { ImageId } from '../path-pattern.ts'
import { parseWith } from '../../base/parse-with.ts'

/** Whether questions without answers are an error (to score) or welcome (to calibrate). */
export type LabelUse = 'required' | 'optional'

/** One question about a picture, with the annotators' answers. */
export type VqaQuestion = {
  readonly id: number
  readonly imageId: ImageId
  readonly question: string
  /** `unspecified` where the file gives none. */
  readonly questionType: string
  readonly answerType: string
  /** Empty where there is no annotation. */
  readonly answers: readonly string[]
}

/** Where the two JSON values come from, and what is needed of them. */
export type Vqav2Input = {
  readonly questions: unknown
  readonly questionsFile: string
  readonly annotations?: unknown
  readonly annotationsFile?: string
  readonly labels: LabelUse
}

/** More answers to one question than this are no annotation. */
const MOST_ANSWERS = 1000

/** Below this number of annotators VQA accuracy cannot reach 1. */
const ENOUGH_ANSWERS = 4

/** The type of what the file gives no type. */
const UNSPECIFIED = 'unspecified'

const questionsSchema = z.object({ questions: z.array(z.unknown()) })
const annotationsSchema = z.object({ annotations: z.array(z.unknown()) })

const questionSchema = z.object({
  question_id: z.int(),
  image_id: z.union([z.int().min(0), z.string().min(1)], {
    error: 'must be a whole number from 0 on, or text',
  }),
  question: z.string(),
})

const annotationSchema = z.object({
  question_id: z.int(),
  question_type: z.string().optional(),
  answer_type: z.string().optional(),
  answers: z
    .array(z.object({ answer: z.string() }))
    .min(1)
    .max(MOST_ANSWERS),
})

type Annotation = z.infer<typeof annotationSchema>

/**
 * Joins the questions and annotations of a data set in VQAv2's format by `question_id`, in the
 * order of the questions.
 *
 * A question without its annotation is an error where labels are required. An annotation without
 * its question cannot be asked: it is a finding. An id that occurs twice is always an error. Keys
 * that are not needed (`info`, `license`, `multiple_choice_answer` ...) are not looked at.
 *
 * @see https://visualqa.org/download.html, "Input Questions Format" and "Annotation Format"
 */
export function joinVqav2(input: Vqav2Input): {
  readonly questions: readonly VqaQuestion[]
  readonly findings: readonly Finding[]
} {
  const annotations = readAnnotations(input)
  const entries = entriesOf(questionsSchema, input.questions, input.questionsFile).questions
  const ids = new Set<number>()
  const questions = entries.map((value, index) => {
    const at = `questions[${index}]`
    const entry = parseWith(questionSchema, value, { ...invalid(input.questionsFile), at })
    ensureNew(ids, entry.question_id, at, input.questionsFile)
    return toQuestion(entry, annotations.get(entry.question_id), input)
  })
  ensure(questions.length > 0, 'empty-dataset', `${input.questionsFile} has no questions.`, {
    file: input.questionsFile,
  })
  return { questions, findings: findingsOf(questions, annotations, ids, input) }
}

function invalid(file: string): { readonly code: 'invalid-dataset'; readonly file: string } {
  return { code: 'invalid-dataset', file }
}

function entriesOf<Value>(schema: z.ZodType<Value>, value: unknown, file: string): Value {
  return parseWith(schema, value, invalid(file))
}

function readAnnotations(input: Vqav2Input): ReadonlyMap<number, Annotation> {
  const annotations = new Map<number, Annotation>()
  if (input.annotationsFile === undefined) return annotations
  const file = input.annotationsFile
  const entries = entriesOf(annotationsSchema, input.annotations, file).annotations
  for (const [index, value] of entries.entries()) {
    const at = `annotations[${index}]`
    const annotation = parseWith(annotationSchema, value, { ...invalid(file), at })
    ensureNew(annotations, annotation.question_id, at, file)
    annotations.set(annotation.question_id, annotation)
  }
  return annotations
}

/** Fails if `ids` has the id; a set also takes it. */
function ensureNew(
  ids: Set<number> | ReadonlyMap<number, unknown>,
  id: number,
  at: string,
  file: string,
): void {
  ensure(!ids.has(id), 'invalid-dataset', `${file}: ${at} repeats question_id ${id}.`, {
    file,
    questionId: id,
  })
  if (ids instanceof Set) ids.add(id)
}

function toQuestion(
  entry: z.infer<typeof questionSchema>,
  annotation: Annotation | undefined,
  input: Vqav2Input,
): VqaQuestion {
  if (annotation === undefined && input.labels === 'required') {
    const file = input.annotationsFile ?? input.questionsFile
    throw new MixbitError(
      'invalid-dataset',
      `${file}: question ${entry.question_id} of ${input.questionsFile} has no annotation, so its ` +
        'answer cannot be scored. Add the annotation or remove the question.',
      { file, questionId: entry.question_id },
    )
  }
  return {
    id: entry.question_id,
    imageId: entry.image_id,
    question: entry.question,
    questionType: annotation?.question_type ?? UNSPECIFIED,
    answerType: annotation?.answer_type ?? UNSPECIFIED,
    answers: annotation?.answers.map(({ answer }) => answer) ?? [],
  }
}

function findingsOf(
  questions: readonly VqaQuestion[],
  annotations: ReadonlyMap<number, Annotation>,
  ids: ReadonlySet<number>,
  input: Vqav2Input,
): readonly Finding[] {
  const findings: Finding[] = []
  const subject = input.annotationsFile ?? input.questionsFile
  const warn = (code: string, message: string): void => {
    findings.push({ code, severity: 'warning', message, subject })
  }
  const orphans = [...annotations.keys()].filter((id) => !ids.has(id))
  if (orphans.length > 0) {
    warn(
      'annotation-without-question',
      `${subject} has ${orphans.length} annotation(s) without a question, the first for question ${orphans[0]}; they are not used.`,
    )
  }
  if (input.labels === 'optional') return findings
  const few = questions.filter(({ answers }) => answers.length < ENOUGH_ANSWERS)
  if (few.length > 0) {
    warn(
      'few-answers',
      `${few.length} question(s) have fewer than ${ENOUGH_ANSWERS} answers, the first is ${few[0]?.id}: VQA accuracy cannot reach 1 there, and is 0 for a single answer.`,
    )
  }
  const untyped = [...annotations.values()].filter(
    (each) => each.question_type === undefined || each.answer_type === undefined,
  )
  if (untyped.length > 0) {
    warn(
      'missing-type',
      `${untyped.length} annotation(s) have no question_type or answer_type; they are counted as "${UNSPECIFIED}".`,
    )
  }
  return findings
}
