import type { JSX } from 'preact'
import type { ReportLayer } from '../../../core/src/report/report-types.ts'
import { Histogram } from '../charts/histogram.tsx'
import { formatBytes, formatCount, formatDecibels, formatError, formatShape } from '../format.ts'
import { elementsOf } from '../layer-rows.ts'

/** What an open layer shows: its histogram, every fact of its row, and why it is so. */
export function LayerDetail({ layer }: { readonly layer: ReportLayer }): JSX.Element {
  return (
    <div class="layer-detail">
      {layer.histogram === null ? (
        <p class="note">No histogram was taken.</p>
      ) : (
        <Histogram {...layer.histogram} />
      )}
      <dl class="facts">
        {layerFacts(layer).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div class="reasons">
        <h3>Why</h3>
        {layer.reasons.length === 0 && <p>No rule spoke.</p>}
        <ol>
          {layer.reasons.map((reason, i) => (
            <li key={i}>{reason}</li>
          ))}
        </ol>
      </div>
    </div>
  )
}

function layerFacts(layer: ReportLayer): readonly (readonly [name: string, value: string])[] {
  const elements = elementsOf(layer)
  const bits = (layer.after * 8) / elements
  return [
    ['Component', layer.component],
    ['Role', layer.role],
    ['Shape', formatShape(layer.shape)],
    ['Values', formatCount(elements)],
    ['Precision', layer.precision],
    ['Form', layer.form],
    ['Algorithm', layer.algorithm],
    ['Bytes', `${formatBytes(layer.before)} \u2192 ${formatBytes(layer.after)}`],
    ['Bits per value', Number.isFinite(bits) ? bits.toFixed(2) : '\u2013'],
    ['SQNR', layer.sqnrDb === null ? 'nothing changed' : `${formatDecibels(layer.sqnrDb)} dB`],
    ['Mean squared error', formatError(layer.mse)],
    ['Largest error', formatError(layer.maxAbsError)],
  ]
}
