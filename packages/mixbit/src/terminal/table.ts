import { elide, printable, textWidth } from './text.ts'
import type { Paint, Tone } from './style.ts'

export type Column = {
  readonly title: string
  readonly align: 'left' | 'right'
}

/** One cell: text, or text with a tone. */
export type Cell = string | { readonly text: string; readonly tone: Tone }

/** Space between columns. */
const GAP = 2

/** No column is made narrower than this. */
const LEAST_WIDTH = 8

/**
 * Rows under their titles, numbers aligned at the right, at most `width` columns wide: the widest
 * text column gives way. Returns lines without a line end.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  layout: { readonly width: number; readonly paint: Paint; readonly indent?: number },
): readonly string[] {
  const indent = layout.indent ?? 0
  const widths = columnWidths(columns, rows, layout.width - indent)
  const titles = columns.map((column): Cell => ({ text: column.title, tone: 'faint' }))
  const all = columns.some((column) => column.title !== '') ? [titles, ...rows] : rows
  return all.map((row) => {
    const cells = columns.map((column, index) =>
      formatCell(row[index] ?? '', column, widths[index] ?? 0, layout.paint),
    )
    return (' '.repeat(indent) + cells.join(' '.repeat(GAP))).trimEnd()
  })
}

function columnWidths(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  available: number,
): readonly number[] {
  const widths = columns.map((column, index) =>
    rows.reduce(
      (most, row) => Math.max(most, textWidth(cellText(row[index]))),
      textWidth(column.title),
    ),
  )
  for (;;) {
    const total = widths.reduce((sum, width) => sum + width + GAP, -GAP)
    const widest = widestText(columns, widths)
    const width = widths[widest]
    if (total <= available || width === undefined || width <= LEAST_WIDTH) return widths
    widths[widest] = Math.max(LEAST_WIDTH, width - (total - available))
  }
}

/** Numbers are never cut: only columns aligned at the left give way. */
function widestText(columns: readonly Column[], widths: readonly number[]): number {
  let widest = -1
  for (const [index, column] of columns.entries()) {
    if (column.align === 'left' && (widths[index] ?? 0) > (widths[widest] ?? 0)) widest = index
  }
  return widest
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
