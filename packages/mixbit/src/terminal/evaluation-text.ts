import type { Evaluation } from '@mixbit/core'
import { findingLines } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatCount, formatPercent } from './units.ts'

const METRIC_NAMES: Readonly<Record<string, string>> = {
  'vqa-accuracy': 'VQA accuracy',
  'coco-qa-accuracy': 'COCO-QA accuracy',
  'textvqa-accuracy': 'TextVQA accuracy',
  'gqa-accuracy': 'GQA accuracy',
}

/** The name of a metric for people; its own where there is none. */
function metricName(metric: string): string {
  return Object.hasOwn(METRIC_NAMES, metric) ? (METRIC_NAMES[metric] ?? metric) : metric
}

/** What `evaluate` shows: the accuracy, then each question type. */
export function evaluationText(evaluation: Evaluation, layout: Layout): string {
  const { metric, value, low, high, samples, seconds, data } = evaluation
  const head = [
    `${layout.paint('strong', formatPercent(value))}  ${metricName(metric)} on ${data}, ${formatCount(samples)} questions in ${seconds.toFixed(1)} s`,
    `95 % interval: ${formatPercent(low, 1)} to ${formatPercent(high, 1)}`,
  ]
  const rows = Object.entries(evaluation.byQuestionType).map(([type, accuracy]) => [
    type,
    formatPercent(accuracy.value),
    `${formatPercent(accuracy.low, 1)} to ${formatPercent(accuracy.high, 1)}`,
    formatCount(accuracy.samples),
  ])
  const table = formatTable(
    [
      { title: 'question type', align: 'left' },
      { title: 'accuracy', align: 'right' },
      { title: '95 % interval', align: 'right' },
      { title: 'questions', align: 'right' },
    ],
    rows,
    layout,
  )
  const findings = findingLines(evaluation.findings, layout)
  return [...head, '', ...table, ...(findings.length > 0 ? ['', ...findings] : [])].join('\n')
}
