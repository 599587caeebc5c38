import type { z } from 'zod'
import { MixbitError, ensure } from '../base/error.ts'
import { configSchema } from './config-schema.ts'
import type { ConfigFile } from './config-schema.ts'
import { problemText } from './config-problem.ts'
import type { LayerRule } from './patterns.ts'
import { PLANNED_TARGETS } from './settings.ts'
import type { Settings } from './settings.ts'
import { parseSize } from './size.ts'
import { parseTarget } from './target.ts'

/** More problems than this are only counted. */
const MAX_LISTED_PROBLEMS = 5

/**
 * Checks what a config file holds. Throws `invalid-config`; the message names the path of each
 * wrong key, what was found and what is allowed.
 *
 * @param value - the parsed YAML or JSON
 * @param name - the file's name, for messages
 */
export function parseConfig(value: unknown, name: string): Settings {
  refusePlannedTarget(value)
  refuseHiddenNames(value, name)
  const result = configSchema.safeParse(value, { reportInput: true })
  if (result.success) return toSettings(result.data)
  throw invalidConfig(result.error.issues, name)
}

function invalidConfig(issues: readonly z.core.$ZodIssue[], name: string): MixbitError {
  const problems = issues.map((issue) => problemText(issue))
  const listed = problems.slice(0, MAX_LISTED_PROBLEMS)
  const hidden = problems.length - listed.length
  const more = hidden === 0 ? '' : ` And ${hidden} more.`
  return new MixbitError('invalid-config', `${name}: ${listed.join(' ')}${more}`, {
    file: name,
    problems,
  })
}

/** A target that will come gets its own answer: the config is right, the version is too old. */
function refusePlannedTarget(value: unknown): void {
  if (typeof value !== 'object' || value === null || !('target' in value)) return
  const { target } = value
  if (typeof target === 'string' && PLANNED_TARGETS.includes(target)) parseTarget(target)
}

/** zod leaves the key `__proto__` of a table of names out; nothing may be left out unseen. */
function refuseHiddenNames(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, table] of Object.entries(value)) {
    const hidden = typeof table === 'object' && table !== null && Object.hasOwn(table, '__proto__')
    ensure(!hidden, 'invalid-config', `${name}: ${key}.__proto__ is not a name.`, { file: name })
  }
}

function toSettings(file: ConfigFile): Settings {
  const { $schema: _, layers, budget, ...same } = file
  return {
    ...same,
    ...(layers !== undefined && { layers: layerRules(layers) }),
    ...(budget !== undefined && { budget: toBudget(budget) }),
  }
}

function layerRules(layers: Readonly<Record<string, string>>): readonly LayerRule[] {
  return Object.entries(layers).map(([pattern, precision]) => ({ pattern, precision }))
}

function toBudget({ size }: NonNullable<ConfigFile['budget']>): NonNullable<Settings['budget']> {
  if (size === undefined) return {}
  return { size: typeof size === 'string' ? parseSize(size) : size }
}
