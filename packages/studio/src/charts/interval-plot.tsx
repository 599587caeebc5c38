import type { JSX } from 'preact'
import { type Domain, position } from '../scale.ts'
import { Grid } from './axis.tsx'

export type IntervalProps = {
  readonly domain: Domain
  readonly kind: 'before' | 'after'
  readonly value: number
  readonly low: number
  readonly high: number
  /** The lowest value that passes, drawn as a dashed line; null without a gate. */
  readonly limit: number | null
}

/** One row: a dot for the value, a line for its 95 % interval. The numbers stand beside it. */
export function IntervalPlot(props: IntervalProps): JSX.Element {
  const { domain, kind, value, low, high, limit } = props
  const x = (v: number): string => position(v, domain)
  return (
    <svg class={`plot ${kind}`} aria-hidden="true">
      <Grid domain={domain} />
      {limit !== null && <line class="limit" x1={x(limit)} x2={x(limit)} y1="0" y2="100%" />}
      <line class="interval" x1={x(low)} x2={x(high)} y1="50%" y2="50%" />
      <circle class="dot" cx={x(value)} cy="50%" r="5" />
    </svg>
  )
}
