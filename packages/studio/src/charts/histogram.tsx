import type { JSX } from 'preact'
import { formatPlural } from '../format.ts'

export type HistogramProps = {
  readonly min: number
  readonly max: number
  readonly counts: readonly number[]
}

const HEIGHT = 100

/** How often each range of values occurs; all bins have one width. */
export function Histogram({ min, max, counts }: HistogramProps): JSX.Element {
  const top = Math.max(1, ...counts)
  const zero = min < 0 && max > 0 ? (-min / (max - min)) * counts.length : null
  return (
    <figure class="histogram">
      <svg viewBox={`0 0 ${counts.length} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {counts.map((count, bin) => {
          const height = (count / top) * HEIGHT
          return <rect key={bin} x={bin + 0.06} width="0.88" y={HEIGHT - height} height={height} />
        })}
        {zero !== null && <line x1={zero} x2={zero} y1="0" y2={HEIGHT} />}
      </svg>
      <div class="ends">
        <span>{edge(min)}</span>
        <span>{edge(max)}</span>
      </div>
      <figcaption>
        Weight values in {formatPlural(counts.length, 'bin')}; the highest holds{' '}
        {formatPlural(top, 'value')}
        {zero !== null && '; the line is zero'}.
      </figcaption>
    </figure>
  )
}

function edge(value: number): string {
  return String(Number(value.toPrecision(3))).replace('-', '\u2212')
}
