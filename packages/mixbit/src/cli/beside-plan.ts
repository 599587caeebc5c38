import type { ResolvedConfig } from '@mixbit/core'
import { CliError } from './cli-error.ts'
import type { CommandIo } from './io.ts'
import type { ParsedArgs } from './parsed-args.ts'

/** Options that decide what a plan decides, and so would be ignored beside one. */
const OPTIONS = [
  'target',
  'preset',
  'precision',
  'component',
  'layer',
  'no-protect',
  'algorithm',
  'compute-unit',
  'io',
]

/** The same of entries of a config file. */
const ENTRIES = [
  'target',
  'preset',
  'precision',
  'components',
  'layers',
  'protect',
  'algorithm',
  'computeUnit',
]

/** Refuses (`usage`) options that a plan decides. */
export function refuseBesidePlan({ values }: ParsedArgs): void {
  if (!values.has('plan')) return
  const ignored = OPTIONS.find((name) => values.has(name))
  if (ignored === undefined) return
  throw new CliError(
    'usage',
    `--${ignored} has no effect beside --plan, which decides it. Edit the plan, or leave one of them out.`,
    { option: `--${ignored}` },
  )
}

/**
 * Says which entries of the config file a plan decides. They are not refused: the file that a plan was
 * made with is given beside it too, for its data and its gates.
 */
export function noteBesidePlan(
  { values }: ParsedArgs,
  { origins }: Pick<ResolvedConfig, 'origins'>,
  { emit }: Pick<CommandIo, 'emit'>,
): void {
  if (!values.has('plan')) return
  const given = new Set(
    Object.entries(origins).flatMap(([path, origin]) =>
      origin === 'config file' ? [path.split('.')[0]] : [],
    ),
  )
  const ignored = ENTRIES.filter((entry) => given.has(entry))
  if (ignored.length === 0) return
  const names = ignored.map((entry) => `"${entry}"`).join(', ')
  const has = ignored.length === 1 ? 'has' : 'have'
  const message = `${names} of the config ${has} no effect on weights beside --plan, which decides how they are stored. Edit the plan to change that.`
  emit({ kind: 'notice', message })
}
