import type { Evaluation } from '@mixbit/core'
import { expect, test } from 'vitest'
import { evaluationText } from './evaluation-text.ts'
import { formatMetric } from './task-text.ts'

const layout = { width: 80, paint: (_: string, text: string): string => text }

const accuracy = (value: number, samples: number) => ({ value, low: 0, high: 1, samples })

function evaluation(metric: string): Evaluation {
  return {
    schema: 'mixbit/evaluation@1',
    metric,
    value: 0.5,
    low: 0.25,
    high: 0.75,
    samples: 4,
    seconds: 1,
    data: 'test',
    byQuestionType: { color: accuracy(1, 1), number: accuracy(0, 2), object: accuracy(1, 1) },
    byAnswerType: {},
    numerics: 'faithful',
    findings: [],
  }
}

test.for([
  ['vqa-accuracy', 'VQA accuracy'],
  ['coco-qa-accuracy', 'COCO-QA accuracy'],
  ['textvqa-accuracy', 'TextVQA accuracy'],
  ['gqa-accuracy', 'GQA accuracy'],
  ['toString', 'toString'],
] as const)('%s is called %s', ([metric, name]) => {
  expect(evaluationText(evaluation(metric), layout)).toContain(
    `50.00 %  ${name} on test, 4 questions`,
  )
})

test('every question type has a row of its own', () => {
  const lines = evaluationText(evaluation('coco-qa-accuracy'), layout).split('\n')
  const rows = lines.filter((line) => /^(?:color|number|object) /u.test(line))
  expect(rows.map((row) => row.replaceAll(/\s+/gu, ' ').trim())).toEqual([
    'color 100.00 % 0.0 % to 100.0 % 1',
    'number 0.00 % 0.0 % to 100.0 % 2',
    'object 100.00 % 0.0 % to 100.0 % 1',
  ])
})

test.for(['vqa-accuracy', 'coco-qa-accuracy', 'textvqa-accuracy', 'gqa-accuracy'])(
  '%s is shown in percent',
  (metric) => {
    expect(formatMetric(metric, 0.5)).toBe('50.00 %')
  },
)
