import type { ComparedOutput, Comparison } from '@mixbit/core'
import { exponent } from './comparison-text.ts'
import type { PlanDetail } from './plan-text.ts'
import { findingLines } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatBytes, formatCount } from './units.ts'

/** Weights that a table lists before the rest is only counted. */
const LISTED_WEIGHTS = 20

/**
 * What `compare` of two packages shows: the weights that moved most, and what did not move.
 *
 * @param detail - `layers`: every weight that moved, its name whole, however long
 */
export function weightsComparisonText(
  comparison: Comparison,
  detail: PlanDetail,
  layout: Layout,
): string {
  const { outputs, findings } = comparison
  const moved = outputs
    .filter(hasMoved)
    .toSorted((a, b) => (a.sqnrDb ?? -Infinity) - (b.sqnrDb ?? -Infinity))
  const listed = detail === 'layers' ? moved : moved.slice(0, LISTED_WEIGHTS)
  return [
    [headOf(comparison, moved.length, layout)],
    weightLines(listed, detail === 'layers' ? { ...layout, tables: 'whole' } : layout),
    moreLine(moved.length - listed.length),
    otherwiseLine(outputs.filter((each) => !hasMoved(each) && isStoredOtherwise(each)).length),
    findingLines(findings, layout),
  ]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

function hasMoved({ maxAbsError, notFinite }: ComparedOutput): boolean {
  return (maxAbsError ?? 0) > 0 || notFinite > 0
}

function isStoredOtherwise({ stored }: ComparedOutput): boolean {
  if (stored === undefined) return false
  const { reference, candidate } = stored
  return (
    reference.precision !== candidate.precision ||
    reference.form !== candidate.form ||
    reference.hasSignedCodes !== candidate.hasSignedCodes ||
    reference.bytes !== candidate.bytes
  )
}

function headOf(comparison: Comparison, moved: number, { paint }: Layout): string {
  const { outputs, candidate, reference, bytes } = comparison
  const sizes =
    bytes === undefined
      ? ''
      : `, ${formatBytes(bytes.reference)} to ${formatBytes(bytes.candidate)}`
  return (
    `${paint('strong', candidate)} against ${reference}: ` +
    `${formatCount(moved)} of ${formatCount(outputs.length)} weights changed${sizes}`
  )
}

/** Names as `--layer` takes them. */
function weightLines(weights: readonly ComparedOutput[], layout: Layout): readonly string[] {
  if (weights.length === 0) return []
  const rows = weights.map(({ name, layer, stored, mse, maxAbsError, sqnrDb, cosine }) => [
    layer ?? name,
    stored?.reference.precision ?? '',
    stored?.candidate.precision ?? '',
    stored === undefined ? '' : formatBytes(stored.candidate.bytes),
    sqnrDb === null ? '' : `${sqnrDb.toFixed(1)} dB`,
    cosine === null ? '' : cosine.toFixed(5),
    exponent(maxAbsError),
    exponent(mse),
  ])
  return formatTable(
    [
      { title: 'weight', align: 'left' },
      { title: 'before', align: 'left', isWhole: true },
      { title: 'after', align: 'left', isWhole: true },
      { title: 'size', align: 'right', isSpare: true },
      { title: 'SQNR', align: 'right' },
      { title: 'cosine', align: 'right', isSpare: true },
      { title: 'largest error', align: 'right', isSpare: true },
      { title: 'mse', align: 'right', isSpare: true },
    ],
    rows,
    layout,
  )
}

function moreLine(count: number): readonly string[] {
  return count === 0 ? [] : [`${formatCount(count)} more moved less; --verbose lists all`]
}

function otherwiseLine(count: number): readonly string[] {
  if (count === 0) return []
  const weights = count === 1 ? 'weight is' : 'weights are'
  return [`${formatCount(count)} ${weights} stored otherwise, with the same values`]
}
