/**
 * Something the reader of a report should know. Data, so that every screen can show it its own
 * way. `code` is stable; `message` is a full sentence with the remedy where there is one.
 */
export type Finding = {
  readonly code: string
  readonly severity: 'info' | 'warning'
  readonly message: string
  /** What it is about: a layer name, a component, a file. */
  readonly subject?: string | undefined
}
