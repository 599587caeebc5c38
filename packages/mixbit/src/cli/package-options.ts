import type { ResolvedConfig } from '@mixbit/core'
import { CliError } from './cli-error.ts'
import type { ParsedArgs } from './parsed-args.ts'

const NO_DATA =
  'Weights of packages are stored by their values alone, and activations stay as they are.'

const NOT_RUN = 'Packages are compared by their weights; nothing is run.'

const NO_GATES = 'Gates belong to `mixbit run`, which does not work on packages yet.'

/** Options that mean nothing for a Core ML package, with the reason. */
const OPTIONS: Readonly<Record<string, string>> = {
  options: 'With --options, ways to quantize checkpoints and ONNX graphs are tried.',
  preset: 'Presets are for checkpoints: use --precision, --component or --layer.',
  calibration: NO_DATA,
  samples: NO_DATA,
  sampling: NO_DATA,
  calibrator: NO_DATA,
  runtime: NO_DATA,
  'self-contained': 'A package always holds all its weights.',
  dtype: 'It has one variant only.',
  data: NOT_RUN,
  layers: NOT_RUN,
  limit: NOT_RUN,
  numerics: NOT_RUN,
}

/** The same of entries of a config file. */
const ENTRIES: Readonly<Record<string, string>> = {
  preset: 'Presets are for checkpoints: use precision, components or layers.',
  'calibration.data': NO_DATA,
  'calibration.samples': NO_DATA,
  'calibration.sampling': NO_DATA,
  numerics: NOT_RUN,
  evaluation: NO_GATES,
  'budget.size': NO_GATES,
}

/** The commands that work on packages; others refuse the package itself. */
const COMMANDS = ['audit', 'plan', 'quantize', 'compare', 'verify', 'convert']

/** Refuses (`usage`) options and config entries that a Core ML package cannot use: none is ignored unseen. */
export function refuseForPackages(
  { command, values }: ParsedArgs,
  { origins }: Pick<ResolvedConfig, 'origins'>,
): void {
  if (!COMMANDS.includes(command)) return
  refuse(
    OPTIONS,
    Object.keys(OPTIONS).filter((name) => values.has(name)),
    (name) => `--${name}`,
  )
  refuse(
    ENTRIES,
    Object.keys(ENTRIES).filter((entry) => origins[entry] === 'config file'),
    (entry) => `"${entry}" of the config`,
  )
}

function refuse(
  reasons: Readonly<Record<string, string>>,
  found: readonly string[],
  shown: (name: string) => string,
): void {
  if (found.length === 0) return
  const names = found.map(shown)
  const last = names.at(-1) ?? ''
  const subject =
    names.length === 1 ? `${last} has` : `${names.slice(0, -1).join(', ')} and ${last} have`
  const why = [...new Set(found.map((name) => reasons[name] ?? ''))].join(' ')
  throw new CliError(
    'usage',
    `${subject} no effect on a Core ML package. ${why} Leave ${names.length === 1 ? 'it' : 'them'} out.`,
    {
      options: names,
    },
  )
}
