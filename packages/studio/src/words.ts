import type {
  ChangedAnswer,
  Gate,
  Report,
  ReportEvaluation,
} from '../../core/src/report/report-types.ts'
import {
  formatBytes,
  formatChange,
  formatAccuracy,
  formatPercent,
  formatPlural,
  formatPoints,
  formatPValue,
} from './format.ts'

const ARROW = '\u2192'

/** Passed or failed, and by how many requirements. */
export function verdictPhrase(report: Report): string {
  const count = report.gates.length
  const failed = report.gates.filter((gate) => gate.status === 'failed').length
  if (count === 0) return 'No requirement was set.'
  if (failed > 0) return `${failed} of ${formatPlural(count, 'requirement')} not met.`
  return count === 1 ? 'The one requirement is met.' : `All ${count} requirements are met.`
}

/** Size and accuracy, before and after, in one sentence each. */
export function summaryPhrase(report: Report): string {
  const { before, after } = report
  const size =
    `Size ${formatBytes(before.bytes)} ${ARROW} ${formatBytes(after.bytes)} ` +
    `(${formatChange(before.bytes, after.bytes)})`
  if (before.value === null || after.value === null) return `${size}; accuracy was not measured.`
  return (
    `${size}, accuracy ${formatAccuracy(before.value)} ${ARROW} ${formatAccuracy(after.value)} ` +
    `(${formatPoints(after.value - before.value)} points).`
  )
}

/** Whether chance explains the changed answers; 0.05 is the usual limit. */
export function significancePhrase(evaluation: ReportEvaluation): string {
  const { worse, better, pValue } = evaluation
  if (worse + better === 0) return 'No answer changed its score.'
  const split = `${formatPlural(worse, 'answer')} scored lower and ${better.toLocaleString('en-US')} higher`
  const meaning =
    pValue < 0.05 ? 'more than chance alone explains' : 'a split that chance alone can explain'
  return `${split}: ${meaning} (exact McNemar test, ${formatPValue(pValue)}).`
}

type GateWords = {
  readonly label: string
  readonly bound: string
  readonly format: (value: number) => string
}

const GATE_WORDS: Readonly<Record<string, GateWords>> = {
  'max-drop': {
    label: 'Accuracy lost',
    bound: 'at most',
    format: (value) => `${formatPoints(value).replace('+', '')}\u00a0points`,
  },
  'min-retained': { label: 'Accuracy kept', bound: 'at least', format: formatPercent },
  size: { label: 'Size', bound: 'at most', format: formatBytes },
}

/** A gate as the table shows it. A gate that this page does not know shows its own name. */
export type GateText = { readonly label: string; readonly limit: string; readonly measured: string }

export function gateText(gate: Gate): GateText {
  const { kind, set } = splitGateName(gate.name)
  const words = Object.hasOwn(GATE_WORDS, kind) ? GATE_WORDS[kind] : undefined
  if (!words)
    return { label: gate.name, limit: String(gate.limit), measured: String(gate.measured) }
  return {
    label: set === null ? words.label : `${words.label}, ${set}`,
    limit: `${words.bound} ${words.format(gate.limit)}`,
    measured: words.format(gate.measured),
  }
}

/** The lowest accuracy that meets every gate of this set; null without one. */
export function lowestAllowed(report: Report, evaluation: ReportEvaluation): number | null {
  const bounds = report.gates.flatMap((gate) => {
    const { kind, set } = splitGateName(gate.name)
    if (set !== null && set !== evaluation.name) return []
    if (set === null && report.evaluations.length > 1) return []
    if (kind === 'max-drop') return [evaluation.before.value - gate.limit]
    return kind === 'min-retained' ? [evaluation.before.value * gate.limit] : []
  })
  return bounds.length === 0 ? null : Math.max(...bounds)
}

function splitGateName(name: string): { readonly kind: string; readonly set: string | null } {
  const colon = name.indexOf(':')
  if (colon < 0) return { kind: name, set: null }
  return { kind: name.slice(0, colon), set: name.slice(colon + 1) }
}

export type Direction = 'worse' | 'better' | 'same'

/** Whether a changed answer scored lower, higher or the same. */
export function directionOf(change: ChangedAnswer): Direction {
  if (change.scoreAfter < change.scoreBefore) return 'worse'
  return change.scoreAfter > change.scoreBefore ? 'better' : 'same'
}

/** A score of one answer in words; VQA scores may lie between right and wrong. */
export function scorePhrase(score: number): string {
  if (score >= 1) return 'right'
  return score <= 0 ? 'wrong' : `scored ${formatPercent(score)}`
}
