import { ensure } from '../base/error.ts'
import type { Finding } from '../base/finding.ts'
import type { Host, RuntimeOptions } from '../base/host.ts'
import type { VqaDataset, VqaSample } from '../tasks/dataset.ts'
import type { Answer, AnswerInput, AnswerOutput, VlmModel } from '../tasks/vqa/answer.ts'
import { groupByPicture } from '../tasks/vqa/group-by-picture.ts'
import { modelForDataset } from '../tasks/vqa/model.ts'
import { promptContent } from '../tasks/vqa/prompt.ts'
import { mostFrequentAnswer } from '../tasks/vqa/score.ts'
import { answerScore, SCORING_METRICS } from '../tasks/vqa/scoring.ts'
import type { Scoring } from '../tasks/vqa/scoring.ts'
import type { Accuracy, AnsweredQuestion, Evaluation } from './evaluate-types.ts'
import { meanWithInterval } from './wilson.ts'

export type EvaluateOptions = {
  /** Only the first questions of the data set. */
  readonly limit?: number
  /** In the place of the model's own. */
  readonly numerics?: RuntimeOptions['numerics']
  /** The name of the stage in progress events; by default `evaluate`. */
  readonly stage?: string
  /** Seconds since any fixed moment; core has no clock. */
  readonly now: () => number
}

/** An evaluation and what it was computed from, in the order of the data set. */
export type VqaEvaluation = {
  readonly evaluation: Evaluation
  readonly answers: readonly AnsweredQuestion[]
}

/**
 * Asks a model every question of a data set and scores its answers as the data set's own program does:
 * by VQA accuracy, or by the expected word for COCO-QA and GQA. Questions about
 * one picture go to one worker, which looks at the picture once.
 *
 * The descriptor's `prompt`, `suffix`, `maxNewTokens` and `preprocess` go before the model's own.
 */
export async function evaluateVqa(
  host: Host,
  model: VlmModel,
  dataset: VqaDataset,
  options: EvaluateOptions,
): Promise<VqaEvaluation> {
  const samples = dataset.samples.slice(0, options.limit)
  ensure(samples.length > 0, 'empty-dataset', `${dataset.name} has no questions to ask.`, {
    data: dataset.name,
  })
  const numerics = options.numerics ?? model.options.numerics
  const started = options.now()
  const asked = {
    ...modelForDataset(model, dataset.options),
    options: { ...model.options, numerics },
  }
  const given = await ask(host, asked, dataset, samples, options)
  const scoring = dataset.scoring ?? 'vqa'
  const answers = samples.map((sample) => score(sample, given.get(sample.id), scoring))
  const overall = meanWithInterval(answers.map((each) => each.score))
  const evaluation: Evaluation = {
    schema: 'mixbit/evaluation@1',
    metric: SCORING_METRICS[scoring],
    ...overall,
    seconds: Math.max(0, options.now() - started),
    data: dataset.name,
    byQuestionType: accuracyBy(answers, samples, ({ questionType }) => questionType),
    byAnswerType: accuracyBy(answers, samples, ({ answerType }) => answerType),
    numerics,
    findings: [...dataset.findings, ...brokenAnswers(given, samples)],
  }
  return { evaluation, answers }
}

/** The answers by question id. */
async function ask(
  host: Host,
  model: VlmModel,
  dataset: VqaDataset,
  samples: readonly VqaSample[],
  options: EvaluateOptions,
): Promise<ReadonlyMap<number, Answer>> {
  const stage = options.stage ?? 'evaluate'
  const total = samples.length
  host.emit({ kind: 'stage', stage, detail: dataset.name })
  const given = new Map<number, Answer>()
  const inputs = byPicture(samples, dataset, model)
  for await (const output of host.pool.map<AnswerInput, AnswerOutput>('answer-questions', inputs)) {
    for (const answer of output.answers) given.set(answer.id, answer)
    host.emit({ kind: 'progress', stage, done: given.size, total, unit: 'questions' })
  }
  return given
}

/** One job a picture, in the order in which pictures first occur. */
function byPicture(
  samples: readonly VqaSample[],
  { options }: VqaDataset,
  model: VlmModel,
): readonly AnswerInput[] {
  return groupByPicture(samples).map((group) => ({
    model,
    imagePath: group[0]?.imagePath ?? '',
    questions: group.map(({ id, question }) => ({ id, content: promptContent(question, options) })),
  }))
}

function score(sample: VqaSample, given: Answer | undefined, scoring: Scoring): AnsweredQuestion {
  if (given === undefined) throw new TypeError(`question ${sample.id} came back without an answer`)
  return {
    id: sample.id,
    imageId: sample.imageId,
    image: sample.imageName,
    question: sample.question,
    questionType: sample.questionType,
    answer: given.answer,
    expected: mostFrequentAnswer(sample.answers),
    score: answerScore(scoring, given.answer, sample.answers),
  }
}

/** The accuracy of each group, in the order of the groups' names. */
function accuracyBy(
  answers: readonly AnsweredQuestion[],
  samples: readonly VqaSample[],
  groupOf: (sample: VqaSample) => string,
): Readonly<Record<string, Accuracy>> {
  const scores = new Map<string, number[]>()
  for (const [index, sample] of samples.entries()) {
    const group = groupOf(sample)
    const list = scores.get(group) ?? []
    scores.set(group, list)
    list.push(answers[index]?.score ?? 0)
  }
  const names = [...scores.keys()].sort()
  return Object.fromEntries(names.map((name) => [name, meanWithInterval(scores.get(name) ?? [])]))
}

function brokenAnswers(
  given: ReadonlyMap<number, Answer>,
  samples: readonly VqaSample[],
): readonly Finding[] {
  const broken = samples.filter(({ id }) => given.get(id)?.isBroken === true)
  if (broken.length === 0) return []
  return [
    {
      code: 'not-finite-logits',
      severity: 'warning',
      message:
        `The model gave only NaN for ${broken.length} question(s), the first is ${broken[0]?.id}; ` +
        'their answers end there. Store the component that overflows at a higher precision.',
    },
  ]
}
