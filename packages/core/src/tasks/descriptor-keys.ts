import { ensure } from '../base/error.ts'
import type { Origin } from '../base/parse-with.ts'

/** The one of two keys that is there; exactly one must be. */
export function oneOf<Value>(
  wanted: Value | undefined,
  other: unknown,
  advice: string,
  { file }: Origin,
): Value {
  ensure(
    wanted !== undefined && other === undefined,
    'invalid-dataset',
    `${file}: give either ${advice}.`,
    { file },
  )
  return wanted
}
