import type { JSX } from 'preact'
import type { Domain } from '../scale.ts'
import { position } from '../scale.ts'

export type DomainProps = { readonly domain: Domain }

/** Numbers above a column of plots, at the places of the grid lines below. Percent. */
export function Axis({ domain }: DomainProps): JSX.Element {
  return (
    <svg class="plot axis" aria-hidden="true">
      {domain.ticks.map((tick) => (
        <text key={tick} x={position(tick, domain)} y="14">
          {Number((tick * 100).toFixed(6))}
        </text>
      ))}
    </svg>
  )
}

/** Thin vertical lines through one row of a plot. */
export function Grid({ domain }: DomainProps): JSX.Element {
  return (
    <g class="grid">
      {domain.ticks.map((tick) => (
        <line key={tick} x1={position(tick, domain)} x2={position(tick, domain)} y1="0" y2="100%" />
      ))}
    </g>
  )
}
