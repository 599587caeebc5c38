import { Fragment, type JSX } from 'preact'

/** A dotted name that may break after each dot, so that a narrow column need not cut it. */
export function DottedName({ name }: { readonly name: string }): JSX.Element {
  const pieces = name.split('.')
  return (
    <span class="name">
      {pieces.map((piece, i) => (
        <Fragment key={i}>
          {piece}
          {i < pieces.length - 1 && '.'}
          {i < pieces.length - 1 && <wbr />}
        </Fragment>
      ))}
    </span>
  )
}
