import type { JSX } from 'preact'
import { percentLength } from '../scale.ts'

export type BarProps = {
  readonly kind: 'before' | 'after' | 'plain'
  /** Length as a share of the longest bar. */
  readonly share: number
}

/** A horizontal bar; its number stands beside it. */
export function Bar({ kind, share }: BarProps): JSX.Element {
  return (
    <svg class={`bar ${kind}`} aria-hidden="true">
      <rect width={percentLength(share)} height="100%" rx="1" />
    </svg>
  )
}
