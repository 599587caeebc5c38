import type { ComponentSize, Finding, Gate, Report, ReportEvaluation } from '@mixbit/core'
import type { Paint } from './style.ts'
import { formatTable } from './table.ts'
import type { Cell, Column, TableLayout } from './table.ts'
import { printable, wrap } from './text.ts'
import { formatBytes, formatCount, formatPercent, formatPoints } from './units.ts'

/** How wide and with what colours. */
export type Layout = Omit<TableLayout, 'indent'>

/** Text wider than this is tiring to read. */
const WIDEST = 100

const RIGHT = (title: string): Column => ({ title, align: 'right' })
const LEFT = (title: string): Column => ({ title, align: 'left' })

/** What `run` ends with: the verdict, sizes, accuracy, gates and warnings, in reading order. */
export function runSummary(report: Report, layout: Layout): string {
  const narrow = { ...layout, width: Math.min(layout.width, WIDEST) }
  const sections = [
    [verdict(report, layout.paint)],
    sizeTable(report.components, report, narrow),
    accuracyTable(report.evaluations, narrow),
    gateLines(report.gates, narrow),
    warningLines(report.findings, narrow),
  ]
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

/** Size of each component before and after. The total also counts what belongs to no component. */
function sizeTable(
  components: readonly ComponentSize[],
  total: Pick<Report, 'before' | 'after'>,
  layout: Layout,
): readonly string[] {
  const columns = [LEFT('size'), LEFT('precision'), RIGHT('before'), RIGHT('after'), RIGHT('ratio')]
  const rows = components.map((each): readonly Cell[] => [
    each.component,
    each.precision,
    ...sizes(each.before, each.after),
  ])
  const { paint } = layout
  const sum = ['total', '', ...sizes(total.before.bytes, total.after.bytes)]
  const strong = sum.map((text): Cell => ({ text, tone: 'strong' }))
  return formatTable(columns, [...rows, strong], { ...layout, paint })
}

/** Accuracy of each set before and after, with the interval of the latter. */
function accuracyTable(
  evaluations: readonly ReportEvaluation[],
  layout: Layout,
): readonly string[] {
  if (evaluations.length === 0) return []
  const columns = [
    LEFT('accuracy'),
    RIGHT('before'),
    RIGHT('after'),
    RIGHT('points'),
    RIGHT('95 % interval'),
    RIGHT('samples'),
  ]
  const rows = evaluations.map(({ name, before, after }): readonly Cell[] => [
    name,
    formatPercent(before.value),
    { text: formatPercent(after.value), tone: 'strong' },
    formatPoints(after.value - before.value),
    `${formatPercent(after.low, 1)} to ${formatPercent(after.high, 1)}`,
    formatCount(after.samples),
  ])
  return formatTable(columns, rows, layout)
}

/** One line a gate: passed or failed, and why. */
function gateLines(gates: readonly Gate[], layout: Layout): readonly string[] {
  return gates.flatMap((gate) => {
    const mark =
      gate.status === 'passed' ? layout.paint('good', '✓ passed') : layout.paint('bad', '✗ failed')
    return hanging(`${mark}  `, '✓ passed  '.length, `${gate.name}: ${gate.text}`, layout.width)
  })
}

/** Warnings in full; what is only informative is counted, because a report shows it. */
function warningLines(findings: readonly Finding[], layout: Layout): readonly string[] {
  const warnings = findings.filter((finding) => finding.severity === 'warning')
  const notes = findings.length - warnings.length
  const lines = findingLines(warnings, layout)
  if (notes === 0) return lines
  const what = notes === 1 ? 'finding' : 'findings'
  return [...lines, layout.paint('faint', `${formatCount(notes)} more ${what} in the report`)]
}

/** Every finding in full, for what has no report. */
export function findingLines(findings: readonly Finding[], layout: Layout): readonly string[] {
  return findings.flatMap(({ severity, subject, message }) => {
    const mark = severity === 'warning' ? layout.paint('warning', '!') : layout.paint('faint', '·')
    // Most messages name what they are about.
    const isNamed = subject === undefined || message.includes(subject)
    const text = isNamed ? message : `${subject}: ${message}`
    return hanging(`${mark} `, 2, text, layout.width)
  })
}

function verdict(report: Report, paint: Paint): string {
  const { before, after } = report
  const word = verdictWord(report, paint)
  const accuracy =
    before.value === null || after.value === null
      ? 'accuracy not measured'
      : `accuracy ${formatPercent(before.value)} to ${formatPercent(after.value)}`
  const size = `${formatBytes(before.bytes)} to ${formatBytes(after.bytes)}`
  return `${word}  ${paint('strong', printable(report.title))}  ${size}, ${accuracy}`
}

/** Where nothing was asked for, nothing has passed. */
function verdictWord({ gates, passed }: Report, paint: Paint): string {
  if (gates.length === 0) return paint('accent', 'DONE')
  return passed ? paint('good', 'PASSED') : paint('bad', 'FAILED')
}

function sizes(before: number, after: number): readonly string[] {
  const ratio = before > 0 ? formatPercent(after / before, 1) : ''
  return [formatBytes(before), formatBytes(after), ratio]
}

/** A mark of `markWidth` columns, and text that goes on beneath its own start. */
export function hanging(
  mark: string,
  markWidth: number,
  text: string,
  width: number,
): readonly string[] {
  const room = Math.min(width, WIDEST) - markWidth
  const lines = wrap(printable(text), Math.max(20, room))
  return lines.map((line, index) => (index === 0 ? mark : ' '.repeat(markWidth)) + line)
}
