import type { JSX } from 'preact'
import type { Sorting, SortKey } from '../layer-rows.ts'

type Column = { readonly key: SortKey; readonly title: string; readonly class: string }

const COLUMNS: readonly Column[] = [
  { key: 'layer', title: 'Layer', class: '' },
  { key: 'component', title: 'Component', class: 'wide' },
  { key: 'shape', title: 'Shape', class: 'wide' },
  { key: 'precision', title: 'Precision', class: '' },
  { key: 'form', title: 'Form', class: 'wide' },
  { key: 'algorithm', title: 'Algorithm', class: 'wide' },
  { key: 'before', title: 'Before', class: 'number wide' },
  { key: 'after', title: 'After', class: 'number' },
  { key: 'sqnrDb', title: 'SQNR, dB', class: 'number' },
  { key: 'maxAbsError', title: 'Max error', class: 'number wide' },
]

export const COLUMN_COUNT: number = COLUMNS.length

type HeadProps = { readonly sorting: Sorting | null; readonly onSort: (key: SortKey) => void }

/** Headings that order the table. */
export function LayerHead({ sorting, onSort }: HeadProps): JSX.Element {
  return (
    <thead>
      <tr>
        {COLUMNS.map((column) => {
          const direction = sorting?.key === column.key ? sorting.direction : 'none'
          return (
            <th key={column.key} scope="col" class={column.class} aria-sort={direction}>
              <button type="button" onClick={() => onSort(column.key)}>
                {column.title}
                <span class="order" aria-hidden="true">
                  {ORDER_SIGNS[direction]}
                </span>
              </button>
            </th>
          )
        })}
      </tr>
    </thead>
  )
}

const ORDER_SIGNS: Readonly<Record<Sorting['direction'] | 'none', string>> = {
  none: '',
  ascending: '\u2191',
  descending: '\u2193',
}
