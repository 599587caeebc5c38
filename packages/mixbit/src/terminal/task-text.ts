import type { TaskEvaluation } from '@mixbit/core'
import { findingLines } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatCount, formatPercent } from './units.ts'

/** Metrics that are shares of 1, and so are the ends of their intervals; others are numbers. */
const FRACTIONS: ReadonlySet<string> = new Set([
  'top1-accuracy',
  'top5-accuracy',
  'vqa-accuracy',
  'coco-qa-accuracy',
  'textvqa-accuracy',
  'gqa-accuracy',
])

/** What `evaluate` of a single graph shows: its metric, then the further numbers of the task. */
export function taskText(evaluation: TaskEvaluation, layout: Layout): string {
  const { metric, value, low, high, samples, seconds, data } = evaluation
  const head = [
    `${layout.paint('strong', formatMetric(metric, value))}  ${metric} on ${data}, ${formatCount(samples)} samples in ${seconds.toFixed(1)} s`,
    ...(low === null || high === null
      ? []
      : [`95 % interval: ${formatMetric(metric, low)} to ${formatMetric(metric, high)}`]),
  ]
  const rows = Object.entries(evaluation.metrics).map(([name, number]) => [
    name,
    formatMetric(name, number),
  ])
  const table = formatTable(
    [
      { title: 'also measured', align: 'left' },
      { title: 'value', align: 'right' },
    ],
    rows,
    layout,
  )
  const findings = findingLines(evaluation.findings, layout)
  return [
    ...head,
    ...(rows.length > 0 ? ['', ...table] : []),
    ...(findings.length > 0 ? ['', ...findings] : []),
  ].join('\n')
}

/** A number of a task: a share in percent, anything else with five digits. */
export function formatMetric(metric: string, value: number | null): string {
  if (value === null) return 'not measured'
  const isFraction = FRACTIONS.has(metric.replace(/-(?:low|high)$/u, ''))
  return isFraction ? formatPercent(value) : value.toPrecision(5)
}
