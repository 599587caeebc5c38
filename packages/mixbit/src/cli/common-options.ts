import type { CommandSpec, OptionSpec } from './command.ts'

/** Options that every command takes, `--config` only where there is a model. */
export const commonOptions: readonly OptionSpec[] = [
  {
    name: 'config',
    type: 'text',
    valueName: 'file',
    summary: 'Settings from a YAML or JSON file; the command line wins over it.',
  },
  {
    name: 'json',
    type: 'flag',
    summary: 'Write one JSON object to stdout and nothing else; text for people goes to stderr.',
  },
  { name: 'quiet', type: 'flag', summary: 'Show no progress.' },
  {
    name: 'verbose',
    type: 'flag',
    summary: 'Show more: progress, about an error, and every layer.',
  },
  { name: 'help', short: 'h', type: 'flag', summary: 'Show this help.' },
]

/** The common options that a command takes: without a model there is nothing to configure. */
export function commonOptionsOf({ positionals }: CommandSpec): readonly OptionSpec[] {
  const hasModel = positionals.some(({ name }) => name === 'model')
  return commonOptions.filter(({ name }) => hasModel || name !== 'config')
}
