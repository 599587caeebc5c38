/** No screen has fewer columns or more: what is beyond is no width. */
const WIDTHS = { least: 20, most: 10_000 } as const

/** The width that `COLUMNS` asks for, as shells and editors set it; null without one. */
export function askedColumns(env: Readonly<Record<string, string | undefined>>): number | null {
  const text = env['COLUMNS'] ?? ''
  const columns = /^\d+$/u.test(text) ? Number(text) : 0
  return columns >= WIDTHS.least && columns <= WIDTHS.most ? columns : null
}
