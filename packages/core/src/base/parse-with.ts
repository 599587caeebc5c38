import type { z } from 'zod'
import { MixbitError } from './error.ts'
import type { ErrorCode } from './error.ts'
import {
  allowedKeys,
  keyPath,
  kindProblem,
  limitProblem,
  shown,
  unionProblem,
} from './value-problem.ts'

/** More problems than this are only counted. */
const MOST_LISTED = 5

/** Where a value comes from, for messages. */
export type Origin = {
  readonly code: ErrorCode
  /** Path or label of the file. */
  readonly file: string
  /** Where in the file the value stands, such as `questions[3]`. */
  readonly at?: string
}

/**
 * Checks a value from outside. The message of the error names the file, each wrong key, what was
 * found and what is allowed.
 */
export function parseWith<Value>(schema: z.ZodType<Value>, value: unknown, origin: Origin): Value {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => problemText(issue, schema, origin.at))
  const listed = problems.slice(0, MOST_LISTED)
  const hidden = problems.length - listed.length
  const more = hidden === 0 ? '' : ` And ${hidden} more.`
  throw new MixbitError(origin.code, `${origin.file}: ${listed.join(' ')}${more}`, {
    file: origin.file,
    problems: listed,
  })
}

function problemText(issue: z.core.$ZodIssue, schema: unknown, at: string | undefined): string {
  const key = keyPath(issue.path, at)
  switch (issue.code) {
    case 'unrecognized_keys':
      return (
        `${issue.keys.map((name) => keyPath([...issue.path, name], at)).join(', ')}: unknown key. ` +
        `Allowed here: ${allowedKeys(schema, issue.path).join(', ')}.`
      )
    case 'invalid_value':
      return `${key} must be ${issue.values.map((value) => shown(value)).join(' or ')}; found ${shown(issue.input)}.`
    case 'invalid_union':
      return unionProblem(issue, key)
    case 'invalid_type':
      return kindProblem(issue, key)
    case 'too_small':
    case 'too_big':
      return limitProblem(issue, key)
    default:
      return `${key}: ${issue.message}; found ${shown(issue.input)}.`
  }
}
