import type { JSX } from 'preact'

export type IconName = 'passed' | 'failed' | 'warning' | 'info'

/** Strokes on a 16 x 16 field; each meaning has its own shape, so that colour is never needed. */
const PATHS: Readonly<Record<IconName, string>> = {
  passed: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M5 8.3l2.1 2.2L11 5.8',
  failed: 'M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3zM5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8',
  warning: 'M8 2L15 14H1zM8 6.4v3.8M8 11.8v.4',
  info: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M8 7.2v4M8 4.8v.4',
}

/** A small sign beside words that say the same; hidden from screen readers. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class={`icon ${name}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
