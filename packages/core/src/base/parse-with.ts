import { z } from 'zod'
import { MixbitError } from './error.ts'
import type { ErrorCode } from './error.ts'

/** More problems than this are only counted. */
const MOST_LISTED = 5

/** Longer values are cut in messages. */
const MOST_SHOWN = 60

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
    case 'invalid_type':
      return issue.input === undefined
        ? `${key} is missing.`
        : `${key} must be ${TYPE_NAMES[issue.expected] ?? issue.expected}; found ${shown(issue.input)}.`
    case 'too_small':
      return `${key} must ${issue.inclusive === false ? 'be above' : 'be at least'} ${issue.minimum}${unit(issue.origin)}; found ${shown(issue.input)}.`
    case 'too_big':
      return `${key} must be at most ${issue.maximum}${unit(issue.origin)}; found ${shown(issue.input)}.`
    default:
      return `${key}: ${issue.message}; found ${shown(issue.input)}.`
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
}

/** Read from the schema, so that the list cannot go stale. */
function allowedKeys(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  let at = schema
  for (const key of path) {
    const object = unwrapped(at)
    if (!(object instanceof z.ZodObject)) return []
    const shape: Readonly<Record<string, unknown>> = object.shape
    at = shape[String(key)]
  }
  const object = unwrapped(at)
  return object instanceof z.ZodObject ? Object.keys(object.shape) : []
}

function unwrapped(schema: unknown): unknown {
  const isOptional = schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional
  return isOptional ? schema.unwrap() : schema
}

function keyPath(path: readonly PropertyKey[], at: string | undefined): string {
  let text = at ?? ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? String(key) : `.${String(key)}`
  }
  return text === '' ? 'the file' : text
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters'
  return origin === 'array' ? ' entries' : ''
}

/** Never walks into lists and objects: they may be as deep and as large as the file. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  return JSON.stringify(value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}...` : value)
}
