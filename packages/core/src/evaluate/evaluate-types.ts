import type { Finding } from '../base/finding.ts'

/** A mean with its 95 % interval. Fractions of 1. */
export type Accuracy = {
  readonly value: number
  readonly low: number
  readonly high: number
  readonly samples: number
}

/** One scored question, kept for the report's examples and for paired comparison. */
export type AnsweredQuestion = {
  readonly id: number
  readonly imageId: number | string
  /** Path of the picture, relative to the data set. */
  readonly image: string
  readonly question: string
  readonly questionType: string
  readonly answer: string
  readonly expected: string
  /** VQA accuracy of this answer, 0 to 1. */
  readonly score: number
}

/** JSON of `mixbit evaluate`. */
export type Evaluation = {
  readonly schema: 'mixbit/evaluation@1'
  readonly metric: string
  readonly value: number
  readonly low: number
  readonly high: number
  readonly samples: number
  readonly seconds: number
  readonly data: string
  readonly byQuestionType: Readonly<Record<string, Accuracy>>
  readonly byAnswerType: Readonly<Record<string, Accuracy>>
  readonly numerics: 'faithful' | 'device'
  readonly findings: readonly Finding[]
}
