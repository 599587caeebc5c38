import { expect, test } from 'vitest'

import { memoryHost } from '../../test/helpers/memory-host.ts'
import type { Evaluation } from '../evaluate/evaluate-types.ts'
import type { PairedComparison } from '../evaluate/paired.ts'
import { reportEvaluation } from './report-evaluation.ts'
import type { ReportEvaluation } from './report-types.ts'

const EVALUATION: Evaluation = {
  schema: 'mixbit/evaluation@1',
  metric: 'vqa-accuracy',
  value: 0.5,
  low: 0.4,
  high: 0.6,
  samples: 2,
  seconds: 1,
  data: 'val',
  byQuestionType: {},
  byAnswerType: {},
  numerics: 'faithful',
  findings: [],
}

function paired(count: number): PairedComparison {
  const changed = Array.from({ length: count }, (_, id) => ({
    id,
    imageId: id,
    image: `${id}.jpg`,
    question: `question ${id}`,
    questionType: 'what',
    expected: 'yes',
    before: { answer: 'yes', score: 1 },
    after: { answer: 'no', score: 0 },
  }))
  return { questions: count, worse: count, better: 0, difference: -1, pValue: 0.5, changed }
}

/** A report of `count` changed answers whose pictures lie at `path`. */
function report(path: string | undefined, count = 1): Promise<ReportEvaluation> {
  const host = memoryHost(
    new Map([
      ['small.jpg', Uint8Array.of(0xff, 0xd8, 0xff)],
      ['small.PNG', Uint8Array.of(1)],
      ['small.svg', Uint8Array.of(1)],
      ['noending', Uint8Array.of(1)],
      ['large.jpg', new Uint8Array(400_001)],
    ]),
  )
  return reportEvaluation(host, 'val', EVALUATION, EVALUATION, paired(count), () => path)
}

test('a changed answer comes with its question, both answers and its picture', async () => {
  const { changed, ...counts } = await report('small.jpg')
  expect(counts).toEqual({
    name: 'val',
    before: EVALUATION,
    after: EVALUATION,
    worse: 1,
    better: 0,
    pValue: 0.5,
  })
  expect(changed).toEqual([
    {
      question: 'question 0',
      questionType: 'what',
      expected: 'yes',
      before: 'yes',
      after: 'no',
      scoreBefore: 1,
      scoreAfter: 0,
      picture: 'data:image/jpeg;base64,/9j/',
    },
  ])
})

test.for([
  { what: 'a PNG in capitals', path: 'small.PNG', picture: 'data:image/png;base64,AQ==' },
  { what: 'a large picture', path: 'large.jpg', picture: null },
  { what: 'a kind that pages may run', path: 'small.svg', picture: null },
  { what: 'a file without ending', path: 'noending', picture: null },
  { what: 'a question without picture', path: undefined, picture: null },
])('$what', async ({ path, picture }) => {
  expect((await report(path)).changed[0]?.picture).toBe(picture)
})

test('only the first changed answers are examples; all of them count', async () => {
  const { changed, worse } = await report('small.jpg', 100)
  expect(changed.map(({ question }) => question)).toEqual(
    Array.from({ length: 24 }, (_, id) => `question ${id}`),
  )
  expect(worse).toBe(100)
})
