import type { Comparison } from '@mixbit/core'
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

function exponent(value: number | null): string {
  return value === null ? '' : value.toExponential(2)
}
