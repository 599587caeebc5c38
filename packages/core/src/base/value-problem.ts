import { z } from 'zod'

/** Longer values are cut in messages. */
const MOST_SHOWN = 60

/** What a kind of value is called in messages. */
const KIND_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
}

/**
 * A value of a wrong kind, in one sentence.
 *
 * @param table - what files of this kind call keys with values
 */
export function kindProblem(
  issue: z.core.$ZodIssueInvalidType,
  key: string,
  table = 'an object',
): string {
  if (issue.input === undefined) return `${key} is missing.`
  const isTable = issue.expected === 'object' || issue.expected === 'record'
  const wanted = isTable ? table : (KIND_NAMES[issue.expected] ?? issue.expected)
  return `${key} must be ${wanted}; found ${shown(issue.input)}.`
}

/** A value that fits none of several shapes, in one sentence: most often its `kind` is unknown. */
export function unionProblem(issue: z.core.$ZodIssueInvalidUnion, key: string): string {
  const { discriminator, input } = issue
  const options = 'options' in issue ? (issue.options ?? []) : []
  if (discriminator === undefined || options.length === 0) {
    return `${key}: ${issue.message}; found ${shown(input)}.`
  }
  const found =
    typeof input === 'object' && input !== null ? Reflect.get(input, discriminator) : input
  if (found === undefined) return `${key} is missing.`
  const allowed = options.map((option) => shown(option)).join(' or ')
  return `${key} must be ${allowed}; found ${shown(found)}.`
}

/** A value beyond a limit, in one sentence. */
export function limitProblem(
  issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
  key: string,
): string {
  const found = `${unit(issue.origin)}; found ${shown(issue.input)}.`
  if (issue.code === 'too_big') return `${key} must be at most ${issue.maximum}${found}`
  const least = issue.inclusive === false ? 'above' : 'at least'
  return `${key} must be ${least} ${issue.minimum}${found}`
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters'
  return origin === 'array' ? ' entries' : ''
}

/** The keys of the object at a path of a schema: read from it, so that a list cannot go stale. */
export function allowedKeys(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  let at = schema
  for (const key of path) at = typeof key === 'number' ? elementOf(at) : memberOf(at, String(key))
  const object = unwrapped(at)
  return object instanceof z.ZodObject ? Object.keys(object.shape) : []
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
  const isOptional = schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional
  return isOptional ? schema.unwrap() : schema
}

/**
 * Writes a path as one would in code: `evaluation[0].maxDrop`, `layers["decoder.*"]`.
 *
 * @param at - where the value stands that the path starts in
 */
export function keyPath(path: readonly PropertyKey[], at = ''): string {
  let text = at
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else if (/^[\w$]+$/u.test(String(key))) text += text === '' ? String(key) : `.${String(key)}`
    else text += `[${JSON.stringify(String(key))}]`
  }
  return text === '' ? 'the file' : text
}

/** A value in few words. Never walks into lists and objects: they may be as large as the file. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  return JSON.stringify(value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}...` : value)
}
