import { elide, printable, textWidth } from './text.ts'
import type { Paint, Tone } from './style.ts'

export type Column = {
  readonly title: string
  readonly align: 'left' | 'right'
  /** Left out before anything is cut, where lines are short; the last of such columns first. */
  readonly isSpare?: boolean
  /** Text that means something else when cut, as the name of a precision does. */
  readonly isWhole?: boolean
}

/** Where lines end, and whether texts of a table are cut to end there. */
export type TableLayout = {
  readonly width: number
  readonly paint: Paint
  /** `whole`: nobody watches lines break, as in a file; nothing is cut. */
  readonly tables?: 'fitted' | 'whole'
  readonly indent?: number
}

/** One cell: text, or text with a tone. */
export type Cell = string | { readonly text: string; readonly tone: Tone }

/** Space between columns. */
const GAP = 2

/** No column is made narrower than this. */
const LEAST_WIDTH = 8

/**
 * Rows under their titles, numbers aligned at the right, at most `width` columns wide: spare columns
 * are left out, then the widest text column gives way. Returns lines without a line end.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  layout: TableLayout,
): readonly string[] {
  const indent = layout.indent ?? 0
  const available = layout.tables === 'whole' ? Number.POSITIVE_INFINITY : layout.width - indent
  const shown = shownColumns(columns, rows, available)
  const titles = columns.map((column): Cell => ({ text: column.title, tone: 'faint' }))
  const all = columns.some((column) => column.title !== '') ? [titles, ...rows] : rows
  return all.map((row) => {
    const cells = shown.map(({ column, index, width }) =>
      formatCell(row[index] ?? '', column, width, layout.paint),
    )
    return (' '.repeat(indent) + cells.join(' '.repeat(GAP))).trimEnd()
  })
}

type ShownColumn = { readonly column: Column; readonly index: number; readonly width: number }

function shownColumns(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  available: number,
): readonly ShownColumn[] {
  let shown = columns.map((column, index) => {
    const cells = rows.map((row) => textWidth(cellText(row[index])))
    return { column, index, width: largestOf(textWidth(column.title), cells) }
  })
  for (;;) {
    const spare = shown.findLastIndex(({ column }) => column.isSpare === true)
    if (totalWidth(shown) <= available || spare < 0) return fitted(shown, available)
    shown = shown.filter((_, at) => at !== spare)
  }
}

function fitted(columns: readonly ShownColumn[], available: number): readonly ShownColumn[] {
  const excess = totalWidth(columns) - available
  const widest = widestText(columns)
  const width = columns[widest]?.width ?? 0
  if (excess <= 0 || width <= LEAST_WIDTH) return columns
  const narrower = Math.max(LEAST_WIDTH, width - excess)
  return fitted(
    columns.map((each, at) => (at === widest ? { ...each, width: narrower } : each)),
    available,
  )
}

function totalWidth(columns: readonly ShownColumn[]): number {
  return columns.reduce((sum, { width }) => sum + width + GAP, -GAP)
}

/** Numbers are never cut: only columns aligned at the left give way, whole ones excepted. */
function widestText(columns: readonly ShownColumn[]): number {
  let widest = -1
  for (const [index, { column, width }] of columns.entries()) {
    if (column.align !== 'left' || column.isWhole === true) continue
    if (width > (columns[widest]?.width ?? 0)) widest = index
  }
  return widest
}

function largestOf(least: number, values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), least)
}

function formatCell(cell: Cell, column: Column, width: number, paint: Paint): string {
  const text = column.align === 'left' ? elide(cellText(cell), width) : cellText(cell)
  const padding = ' '.repeat(Math.max(0, width - textWidth(text)))
  const painted = typeof cell === 'string' ? text : paint(cell.tone, text)
  return column.align === 'left' ? painted + padding : padding + painted
}

function cellText(cell: Cell | undefined): string {
  if (cell === undefined) return ''
  return printable(typeof cell === 'string' ? cell : cell.text)
}
