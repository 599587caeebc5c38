import { MixbitError } from '@mixbit/core'
import { textOption } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'

/** The text of an option that the command cannot do without. Throws `usage`. */
export function requiredOption(args: ParsedArgs, name: string, flag = `--${name}`): string {
  const value = textOption(args, name)
  if (value !== undefined) return value
  throw new MixbitError(
    'usage',
    `mixbit ${args.command} needs ${flag}. See mixbit ${args.command} --help.`,
    {
      command: args.command,
      missing: flag,
    },
  )
}
