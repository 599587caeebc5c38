import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Accuracy, Evaluation } from '../../core/src/evaluate/evaluate-types.ts'
import type { ChangedAnswer, ReportEvaluation } from '../../core/src/report/report-types.ts'
import { seededRandom } from './seeded-random.ts'

const FIXTURES = `${import.meta.dirname}/../../../fixtures/pocket-vqa`

/** Questions of the sample; enough for every question type to have some. */
const QUESTIONS = 2000

/** Pictures take the most room; this many examples are what a real report keeps. */
const KEPT = 24

const questionFile = z.object({
  questions: z.array(
    z.object({ question_id: z.number(), image_id: z.number(), question: z.string() }),
  ),
})

const annotationFile = z.object({
  annotations: z.array(
    z.object({
      question_id: z.number(),
      question_type: z.string(),
      multiple_choice_answer: z.string(),
    }),
  ),
})

type Asked = {
  readonly imageId: number
  readonly question: string
  readonly type: string
  readonly expected: string
}

type Answered = Asked & { readonly before: string; readonly after: string }

/**
 * A made-up evaluation over real questions and pictures of PocketVQA: most answers are right, a
 * seeded few are not.
 */
export function sampleEvaluation(
  name: 'val' | 'val-lowlight',
  seed: number,
  errors: { readonly before: number; readonly after: number },
): ReportEvaluation {
  const answered = answerAll(readQuestions(name), seed, errors)
  const changed = answered.filter((one) => one.before !== one.after)
  const worse = changed.filter((one) => one.before === one.expected)
  const better = changed.filter((one) => one.after === one.expected)
  const kept = [...worse.slice(0, KEPT - 8), ...better.slice(0, 8)]
  return {
    name,
    before: evaluationOf(name, answered, (one) => one.before),
    after: evaluationOf(name, answered, (one) => one.after),
    worse: worse.length,
    better: better.length,
    pValue: mcNemar(worse.length, better.length),
    changed: kept.map((one) => changedAnswer(name, one)),
  }
}

function readQuestions(name: string): readonly Asked[] {
  const { questions } = questionFile.parse(readJson(`${name}_questions.json`))
  const { annotations } = annotationFile.parse(readJson(`${name}_annotations.json`))
  const byId = new Map(annotations.map((annotation) => [annotation.question_id, annotation]))
  return questions.slice(0, QUESTIONS).flatMap((asked) => {
    const annotation = byId.get(asked.question_id)
    if (annotation === undefined) return []
    return {
      imageId: asked.image_id,
      question: asked.question,
      type: annotation.question_type,
      expected: annotation.multiple_choice_answer,
    }
  })
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(`${FIXTURES}/${file}`, 'utf8'))
}

function answerAll(
  asked: readonly Asked[],
  seed: number,
  errors: { readonly before: number; readonly after: number },
): readonly Answered[] {
  const random = seededRandom(seed)
  return asked.map((one) => {
    const hardness = random()
    const wrong = wrongAnswer(asked, one, random)
    const slips = random() < errors.after
    return {
      ...one,
      before: hardness < errors.before ? wrong : one.expected,
      after: slips || hardness < errors.before / 2 ? wrong : one.expected,
    }
  })
}

/** The answer to another question of the same type, so that it is of the right kind. */
function wrongAnswer(asked: readonly Asked[], one: Asked, random: () => number): string {
  const others = asked.filter((other) => other.type === one.type && other.expected !== one.expected)
  return others[Math.floor(random() * others.length)]?.expected ?? 'unknown'
}

function evaluationOf(
  name: string,
  answered: readonly Answered[],
  answerOf: (one: Answered) => string,
): Evaluation {
  const types = [...new Set(answered.map((one) => one.type))]
  const score = (ones: readonly Answered[]): Accuracy =>
    accuracyOf(ones.filter((one) => answerOf(one) === one.expected).length, ones.length)
  return {
    schema: 'mixbit/evaluation@1',
    metric: 'vqa-accuracy',
    ...score(answered),
    seconds: 31.4,
    data: `${name}.json`,
    byQuestionType: Object.fromEntries(
      types.map((type) => [type, score(answered.filter((one) => one.type === type))]),
    ),
    byAnswerType: {},
    numerics: 'faithful',
    findings: [],
  }
}

/** Wilson's 95 % interval of a proportion. */
function accuracyOf(right: number, samples: number): Accuracy {
  const z2 = 1.96 ** 2
  const value = right / samples
  const middle = (value + z2 / (2 * samples)) / (1 + z2 / samples)
  const half =
    (1.96 / (1 + z2 / samples)) *
    Math.sqrt((value * (1 - value)) / samples + z2 / (4 * samples ** 2))
  return { value, low: middle - half, high: Math.min(1, middle + half), samples }
}

/** Two-sided exact McNemar: a fair coin thrown `worse + better` times. */
function mcNemar(worse: number, better: number): number {
  const thrown = worse + better
  let term = 0.5 ** thrown
  let tail = term
  for (let k = 0; k < Math.min(worse, better); k++) {
    term *= (thrown - k) / (k + 1)
    tail += term
  }
  return Math.min(1, 2 * tail)
}

function changedAnswer(name: string, one: Answered): ChangedAnswer {
  const file = `${FIXTURES}/${name}/${String(one.imageId).padStart(6, '0')}.jpg`
  return {
    question: one.question,
    questionType: one.type,
    expected: one.expected,
    before: one.before,
    after: one.after,
    scoreBefore: one.before === one.expected ? 1 : 0,
    scoreAfter: one.after === one.expected ? 1 : 0,
    picture: `data:image/jpeg;base64,${readFileSync(file).toString('base64')}`,
  }
}
