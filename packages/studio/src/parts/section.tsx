import type { ComponentChildren, JSX } from 'preact'

export type SectionProps = {
  readonly id: string
  readonly title: string
  readonly children: ComponentChildren
}

/** A part of the page that the contents can jump to. */
export function Section({ id, title, children }: SectionProps): JSX.Element {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  )
}
