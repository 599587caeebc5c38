import { isJsonObject } from '../base/json-file.ts'
import type { Scheme } from './scheme.ts'

/** Whether two schemes say the same of every detail, whatever the order of their keys. */
export function isSameScheme(one: Scheme, other: Scheme): boolean {
  return inOrder(one) === inOrder(other)
}

function inOrder(scheme: Scheme): string {
  return JSON.stringify(scheme, (_key, value: unknown) =>
    isJsonObject(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}
