import type { ReportLayer } from '../../core/src/report/report-types.ts'

/** Columns of the layer table that can order it. */
export type SortKey =
  | 'layer'
  | 'component'
  | 'shape'
  | 'precision'
  | 'form'
  | 'algorithm'
  | 'before'
  | 'after'
  | 'sqnrDb'
  | 'maxAbsError'

export type Sorting = { readonly key: SortKey; readonly direction: 'ascending' | 'descending' }

/** Which layers to show: all words must occur, `component` is exact or empty for all. */
export type LayerFilter = { readonly words: string; readonly component: string }

/** One layer and its place in the report, which names it even if two layers share a name. */
export type LayerRow = { readonly index: number; readonly layer: ReportLayer }

/** Numbers in names count as numbers: layer 2 comes before layer 10. */
const NAMES: Intl.Collator = new Intl.Collator('en', { numeric: true })

/** The rows that pass the filter, in the report's order unless a column was chosen. */
export function layerRows(
  layers: readonly ReportLayer[],
  filter: LayerFilter,
  sorting: Sorting | null,
): readonly LayerRow[] {
  const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean)
  const rows = layers
    .map((layer, index) => ({ index, layer }))
    .filter(({ layer }) => filter.component === '' || layer.component === filter.component)
    .filter(({ layer }) => matches(layer, words))
  if (sorting === null) return rows
  const sign = sorting.direction === 'ascending' ? 1 : -1
  return rows.sort((a, b) => compare(a, b, sorting.key, sign) || a.index - b.index)
}

/** The next order when a column's heading is pressed: best first, turned round, then as reported. */
export function nextSorting(current: Sorting | null, key: SortKey): Sorting | null {
  const first = isNumeric(key) ? 'descending' : 'ascending'
  if (current?.key !== key) return { key, direction: first }
  if (current.direction !== first) return null
  return { key, direction: first === 'ascending' ? 'descending' : 'ascending' }
}

function matches(layer: ReportLayer, words: readonly string[]): boolean {
  const text = [layer.layer, layer.precision, layer.form, layer.algorithm, layer.role]
    .join(' ')
    .toLowerCase()
  return words.every((word) => text.includes(word))
}

function isNumeric(key: SortKey): boolean {
  return (
    key === 'shape' ||
    key === 'before' ||
    key === 'after' ||
    key === 'sqnrDb' ||
    key === 'maxAbsError'
  )
}

/** A layer without a value (an exact one has no SQNR) comes last in both directions. */
function compare(a: LayerRow, b: LayerRow, key: SortKey, sign: number): number {
  const x = sortValue(a.layer, key)
  const y = sortValue(b.layer, key)
  if (x === null || y === null) return Number(x === null) - Number(y === null)
  if (typeof x === 'number' && typeof y === 'number') return sign * (x - y)
  return sign * NAMES.compare(String(x), String(y))
}

function sortValue(layer: ReportLayer, key: SortKey): number | string | null {
  return key === 'shape' ? elementsOf(layer) : layer[key]
}

export function elementsOf(layer: ReportLayer): number {
  return layer.shape.reduce((product, dimension) => product * dimension, 1)
}
