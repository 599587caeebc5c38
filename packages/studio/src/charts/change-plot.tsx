import type { JSX } from 'preact'
import { type Domain, position } from '../scale.ts'
import { Grid } from './axis.tsx'

export type ChangeProps = {
  readonly domain: Domain
  readonly before: number
  readonly after: number
}

/** One row: an open dot before, a filled dot after, and the way between them. */
export function ChangePlot({ domain, before, after }: ChangeProps): JSX.Element {
  const x = (v: number): string => position(v, domain)
  return (
    <svg class="plot change" aria-hidden="true">
      <Grid domain={domain} />
      <line class="way" x1={x(before)} x2={x(after)} y1="50%" y2="50%" />
      <circle class="dot open" cx={x(before)} cy="50%" r="4.5" />
      <circle class="dot filled" cx={x(after)} cy="50%" r="4.5" />
    </svg>
  )
}
