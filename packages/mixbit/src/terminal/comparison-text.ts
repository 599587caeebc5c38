import type { Comparison, FileComparison } from '@mixbit/core'
import type { PlanDetail } from './plan-text.ts'
import { findingLines } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatCount, formatPercent } from './units.ts'

/** What `compare` shows: how far each output moved. */
export function comparisonText(comparison: Comparison, layout: Layout): string {
  const head = `${layout.paint('strong', comparison.candidate)} against ${comparison.reference}, ${formatCount(comparison.samples)} samples of ${comparison.data}`
  const rows = comparison.outputs.map((output) => [
    output.name,
    exponent(output.mse),
    exponent(output.maxAbsError),
    output.sqnrDb === null ? 'unchanged' : `${output.sqnrDb.toFixed(1)} dB`,
    output.cosine === null ? '' : output.cosine.toFixed(5),
    output.top1Agreement === null ? '' : formatPercent(output.top1Agreement),
  ])
  const table = formatTable(
    [
      { title: 'output', align: 'left' },
      { title: 'mse', align: 'right' },
      { title: 'largest error', align: 'right' },
      { title: 'SQNR', align: 'right' },
      { title: 'cosine', align: 'right' },
      { title: 'top-1 agreement', align: 'right' },
    ],
    rows,
    layout,
  )
  const findings = findingLines(comparison.findings, layout)
  return [head, '', ...table, ...(findings.length > 0 ? ['', ...findings] : [])].join('\n')
}

/** Values below this moved so much that what follows works on other data. */
const GONE_WRONG_DB = 10

/** How many layers the table lists, unless all are asked for. */
const LISTED_LAYERS = 12

/** Which layer first goes wrong, and the layers that moved most. */
export function layersText(comparison: FileComparison, detail: PlanDetail, layout: Layout): string {
  const moved = comparison.layers.filter(({ sqnrDb }) => sqnrDb !== null)
  if (moved.length === 0) return ''
  const first = moved.find(({ sqnrDb }) => (sqnrDb ?? 0) < GONE_WRONG_DB)
  const worst = moved
    .toSorted((a, b) => (a.sqnrDb ?? 0) - (b.sqnrDb ?? 0))
    .slice(0, detail === 'layers' ? moved.length : LISTED_LAYERS)
  const rows = worst.map(({ name, sqnrDb, maxAbsError }) => [
    name,
    `${(sqnrDb ?? 0).toFixed(1)} dB`,
    exponent(maxAbsError),
  ])
  const table = formatTable(
    [
      { title: 'moved most', align: 'left' },
      { title: 'SQNR', align: 'right' },
      { title: 'largest error', align: 'right' },
    ],
    rows,
    layout,
  )
  const verdict =
    first === undefined
      ? `No layer is below ${GONE_WRONG_DB} dB.`
      : `The first layer below ${GONE_WRONG_DB} dB is "${first.name}".`
  return ['', '', verdict, '', ...table].join('\n')
}

/** Three digits and a power of ten. */
export function exponent(value: number | null): string {
  return value === null ? '' : value.toExponential(2)
}
