import type { z } from 'zod'
import { allowedKeys, keyPath, kindProblem, limitProblem, shown } from '../base/value-problem.ts'
import { configSchema } from './config-schema.ts'
import { suggestion } from './nearest.ts'
import { SIZE_FORMS } from './size.ts'

/** One wrong key of a config file in one sentence: its path, what was found, what is allowed. */
export function problemText(issue: z.core.$ZodIssue): string {
  const key = keyPath(issue.path)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((name) => unknownKey(issue.path, name)).join(' ')
    case 'invalid_value':
      return valueProblem(issue, key)
    case 'invalid_type':
      return kindProblem(issue, key, 'a table of keys')
    case 'too_small':
      return issue.origin === 'string' ? `${key} must not be empty.` : limitProblem(issue, key)
    case 'too_big':
      return limitProblem(issue, key)
    case 'invalid_union':
      return unionProblem(issue, key)
    case 'custom':
      return `${key}: ${issue.message}`
    default:
      return `${key}: ${issue.message}; found ${shown(issue.input)}.`
  }
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

function unknownKey(path: readonly PropertyKey[], name: string): string {
  const allowed = allowedKeys(configSchema, path).filter((key) => key !== '$schema')
  return (
    `${keyPath([...path, name])} is not a setting.${suggestion(name, allowed)} ` +
    `Allowed here: ${allowed.join(', ')}.`
  )
}
