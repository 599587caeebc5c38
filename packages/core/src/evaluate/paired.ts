import { ensure } from '../base/error.ts'
import type { AnsweredQuestion } from './evaluate-types.ts'
import { mcNemarPValue } from './mcnemar.ts'

/** One question whose answer is another one after quantization. */
export type ChangedAnswer = {
  readonly id: number
  readonly imageId: number | string
  readonly image: string
  readonly question: string
  readonly questionType: string
  readonly expected: string
  readonly before: { readonly answer: string; readonly score: number }
  readonly after: { readonly answer: string; readonly score: number }
}

/** Two evaluations of the same questions, question by question. */
export type PairedComparison = {
  readonly questions: number
  /** Questions whose score fell. */
  readonly worse: number
  /** Questions whose score rose. */
  readonly better: number
  /** Mean score after minus mean score before. */
  readonly difference: number
  /** McNemar's exact two-sided p-value of `worse` against `better`. */
  readonly pValue: number
  /** Every question with another answer, scored alike or not; the largest losses first. */
  readonly changed: readonly ChangedAnswer[]
}

/**
 * Compares two evaluations of the same questions. Looking at the same question twice sees much
 * smaller changes than two separate intervals do.
 */
export function compareEvaluations(
  before: readonly AnsweredQuestion[],
  after: readonly AnsweredQuestion[],
): PairedComparison {
  const afterById = new Map(after.map((each) => [each.id, each]))
  ensure(
    before.length === after.length && before.every(({ id }) => afterById.has(id)),
    'invalid-dataset',
    `The two evaluations are of different questions (${before.length} and ${after.length}). ` +
      'Evaluate both with the same data and limit.',
    { before: before.length, after: after.length },
  )
  const pairs = before.map((each) => pair(each, afterById.get(each.id) ?? each))
  const worse = pairs.filter((each) => each.after.score < each.before.score).length
  const better = pairs.filter((each) => each.after.score > each.before.score).length
  return {
    questions: pairs.length,
    worse,
    better,
    difference: pairs.length === 0 ? 0 : sum(pairs.map(gain)) / pairs.length,
    pValue: mcNemarPValue(worse, better),
    changed: pairs
      .filter((each) => each.before.answer !== each.after.answer)
      .sort((a, b) => gain(a) - gain(b)),
  }
}

function pair(before: AnsweredQuestion, after: AnsweredQuestion): ChangedAnswer {
  const { id, imageId, image, question, questionType, expected } = before
  return {
    id,
    imageId,
    image,
    question,
    questionType,
    expected,
    before: { answer: before.answer, score: before.score },
    after: { answer: after.answer, score: after.score },
  }
}

function gain({ before, after }: ChangedAnswer): number {
  return after.score - before.score
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
