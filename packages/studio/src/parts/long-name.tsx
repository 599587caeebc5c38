import { Fragment, type JSX } from 'preact'

/** A break may come after each of these. */
const JOINTS = /(?<=[._/-])/

/** A name that breaks at its joints, so that a narrow column does not cut through a word. */
export function LongName({ name }: { readonly name: string }): JSX.Element {
  return (
    <span class="name">
      {name.split(JOINTS).map((piece, i) => (
        <Fragment key={i}>
          {i > 0 && <wbr />}
          {piece}
        </Fragment>
      ))}
    </span>
  )
}
