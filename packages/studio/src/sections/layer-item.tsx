import type { JSX } from 'preact'
import type { ReportLayer } from '../../../core/src/report/report-types.ts'
import { Bar } from '../charts/bar.tsx'
import { formatBytes, formatDecibels, formatError, formatShape } from '../format.ts'
import { LongName } from '../parts/long-name.tsx'
import { COLUMN_COUNT } from './layer-head.tsx'
import { LayerDetail } from './layer-detail.tsx'

export type LayerItemProps = {
  readonly index: number
  readonly layer: ReportLayer
  /** The highest SQNR of all layers: a full bar. */
  readonly highest: number
  readonly open: boolean
  readonly onToggle: (index: number) => void
}

/** One layer: a row of the table and, when open, its details below. */
export function LayerItem({ index, layer, highest, open, onToggle }: LayerItemProps): JSX.Element {
  return (
    <tbody>
      <tr class={open ? 'open' : ''} onClick={() => onToggle(index)}>
        <th scope="row">
          <button
            type="button"
            class="layer"
            aria-expanded={open}
            onClick={(event) => {
              event.stopPropagation()
              onToggle(index)
            }}
          >
            <LongName name={layer.layer} />
          </button>
        </th>
        <LayerCells layer={layer} highest={highest} />
      </tr>
      {open && (
        <tr class="detail">
          <td colSpan={COLUMN_COUNT}>
            <LayerDetail layer={layer} />
          </td>
        </tr>
      )}
    </tbody>
  )
}

type CellsProps = { readonly layer: ReportLayer; readonly highest: number }

function LayerCells({ layer, highest }: CellsProps): JSX.Element {
  const { sqnrDb } = layer
  return (
    <>
      <td class="wide name">{layer.component}</td>
      <td class="wide shape">{formatShape(layer.shape)}</td>
      <td>
        <code class="precision">{layer.precision}</code>
      </td>
      <td class="wide">{layer.form}</td>
      <td class="wide">{layer.algorithm}</td>
      <td class="number wide">{formatBytes(layer.before)}</td>
      <td class="number">{formatBytes(layer.after)}</td>
      <td class="number sqnr">
        {sqnrDb !== null && <Bar kind="after" share={sqnrDb / highest} />}
        {sqnrDb === null ? <span class="was">exact</span> : formatDecibels(sqnrDb)}
      </td>
      <td class="number wide">{formatError(layer.maxAbsError)}</td>
    </>
  )
}
