import { z } from 'zod'
import { configSchema } from './config-schema.ts'
import { suggestion } from './nearest.ts'
import { SIZE_FORMS } from './size.ts'

/** Longer values are cut in messages. */
const MAX_SHOWN = 60

/** One wrong key of a config file in one sentence: its path, what was found, what is allowed. */
export function problemText(issue: z.core.$ZodIssue): string {
  const key = keyPath(issue.path)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((name) => unknownKey(issue.path, name)).join(' ')
    case 'invalid_value':
      return valueProblem(issue, key)
    case 'invalid_type':
      return issue.input === undefined
        ? `${key} is missing.`
        : `${key} must be ${TYPE_NAMES[issue.expected] ?? issue.expected}; found ${shown(issue.input)}.`
    case 'too_small':
      return issue.origin === 'string'
        ? `${key} must not be empty.`
        : `${key} must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}; found ${shown(issue.input)}.`
    case 'too_big':
      return `${key} must be at most ${issue.maximum}${issue.origin === 'array' ? ' entries' : ''}; found ${shown(issue.input)}.`
    case 'invalid_union':
      return unionProblem(issue, key)
    case 'custom':
      return `${key}: ${issue.message}`
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
  object: 'a table of keys',
  record: 'a table of keys',
}

function valueProblem(issue: z.core.$ZodIssueInvalidValue, key: string): string {
  const allowed = issue.values.map(String)
  const meant = typeof issue.input === 'string' ? suggestion(issue.input, allowed) : ''
  return `${key} must be one of ${allowed.join(', ')}; found ${shown(issue.input)}.${meant}`
}

/** The only union is a size: text has failed its own check, anything else is of a wrong kind. */
function unionProblem(issue: z.core.$ZodIssueInvalidUnion, key: string): string {
  const custom = issue.errors.flat().find((each) => each.code === 'custom')
  if (custom !== undefined) return `${key}: ${custom.message}`
  return `${key} must be ${SIZE_FORMS}; found ${shown(issue.input)}.`
}

/** What may stand where an unknown key was found comes from the schema, so that it cannot go stale. */
function unknownKey(path: readonly PropertyKey[], name: string): string {
  const allowed = allowedKeys(path)
  return (
    `${keyPath([...path, name])} is not a setting.${suggestion(name, allowed)} ` +
    `Allowed here: ${allowed.join(', ')}.`
  )
}

function allowedKeys(path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = configSchema
  for (const key of path) at = typeof key === 'number' ? elementOf(at) : memberOf(at, String(key))
  const object = unwrapped(at)
  return object instanceof z.ZodObject
    ? Object.keys(object.shape).filter((key) => key !== '$schema')
    : []
}

function memberOf(schema: unknown, key: string): unknown {
  const object = unwrapped(schema)
  if (!(object instanceof z.ZodObject) || !Object.hasOwn(object.shape, key)) return undefined
  const shape: Readonly<Record<string, unknown>> = object.shape
  return shape[key]
}

function elementOf(schema: unknown): unknown {
  const array = unwrapped(schema)
  return array instanceof z.ZodArray ? array.element : undefined
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodExactOptional ? schema.unwrap() : schema
}

function shown(value: unknown): string {
  const text =
    typeof value === 'number' || typeof value === 'bigint'
      ? String(value)
      : (JSON.stringify(value) ?? typeof value)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text
}

/** Writes a path as one would in code: `evaluation[0].maxDrop`, `layers["decoder.*"]`. */
export function keyPath(path: readonly PropertyKey[]): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else if (/^[\w$]+$/u.test(String(key))) text += text === '' ? String(key) : `.${String(key)}`
    else text += `[${JSON.stringify(String(key))}]`
  }
  return text === '' ? 'the file' : text
}
