import type { JSX } from 'preact'
import { useCallback, useMemo, useState } from 'preact/hooks'
import type { ReportLayer } from '../../../core/src/report/report-types.ts'
import { formatPlural } from '../format.ts'
import { type LayerFilter, layerRows, nextSorting, type Sorting } from '../layer-rows.ts'
import { Section } from '../parts/section.tsx'
import { LayerHead } from './layer-head.tsx'
import { LayerItem } from './layer-item.tsx'

type LayersProps = { readonly layers: readonly ReportLayer[] }

/** Every layer in one table that can be searched, ordered and opened. */
export function Layers({ layers }: LayersProps): JSX.Element {
  const [filter, setFilter] = useState<LayerFilter>({ words: '', component: '' })
  const [sorting, setSorting] = useState<Sorting | null>(null)
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set<number>())
  const rows = useMemo(() => layerRows(layers, filter, sorting), [layers, filter, sorting])
  const highest = useMemo(() => highestSqnr(layers), [layers])
  const toggle = useCallback((index: number) => setOpen((now) => toggled(now, index)), [])
  return (
    <Section id="layers" title="Layers">
      <Controls layers={layers} shown={rows.length} filter={filter} onFilter={setFilter} />
      <div class="scroll" role="region" aria-label="Table of layers" tabIndex={0}>
        <table class="layers">
          <LayerHead
            sorting={sorting}
            onSort={(key) => setSorting((current) => nextSorting(current, key))}
          />
          {rows.map(({ index, layer }) => (
            <LayerItem
              key={index}
              index={index}
              layer={layer}
              highest={highest}
              open={open.has(index)}
              onToggle={toggle}
            />
          ))}
        </table>
        {rows.length === 0 && <p class="note">No layer matches.</p>}
      </div>
    </Section>
  )
}

function toggled(open: ReadonlySet<number>, index: number): ReadonlySet<number> {
  const next = new Set(open)
  if (!next.delete(index)) next.add(index)
  return next
}

function highestSqnr(layers: readonly ReportLayer[]): number {
  return layers.reduce((highest, layer) => Math.max(highest, layer.sqnrDb ?? 0), 1)
}

type ControlsProps = {
  readonly layers: readonly ReportLayer[]
  readonly shown: number
  readonly filter: LayerFilter
  readonly onFilter: (filter: LayerFilter) => void
}

function Controls({ layers, shown, filter, onFilter }: ControlsProps): JSX.Element {
  const components = useMemo(() => [...new Set(layers.map((layer) => layer.component))], [layers])
  return (
    <div class="controls">
      <label>
        <span>Search</span>
        <input
          type="search"
          placeholder="name, precision, form"
          value={filter.words}
          onInput={(event) => onFilter({ ...filter, words: event.currentTarget.value })}
        />
      </label>
      <label>
        <span>Component</span>
        <select
          value={filter.component}
          onChange={(event) => onFilter({ ...filter, component: event.currentTarget.value })}
        >
          <option value="">all</option>
          {components.map((component) => (
            <option key={component} value={component}>
              {component}
            </option>
          ))}
        </select>
      </label>
      <p class="shown" role="status">
        {shown === layers.length
          ? formatPlural(shown, 'layer')
          : `${shown.toLocaleString('en-US')} of ${formatPlural(layers.length, 'layer')}`}
      </p>
      <p class="hint">Press a heading to sort, a layer to see its histogram and reasons.</p>
    </div>
  )
}
