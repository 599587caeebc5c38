import { parseArgs } from 'node:util'
import { CliError } from './cli-error.ts'
import type { CommandSpec, OptionSpec } from './command.ts'
import { commonOptionsOf } from './common-options.ts'
import { usageLine } from './help.ts'
import type { ParsedArgs } from './parsed-args.ts'

/** Reads the arguments of a command. Throws `usage` and `unknown-option`. */
export async function parseCommandArgs(
  spec: CommandSpec,
  argv: readonly string[],
): Promise<ParsedArgs> {
  const options = [...spec.options, ...commonOptionsOf(spec)]
  const values = new Map<string, readonly string[]>()
  const positionals: string[] = []
  for (const token of tokens(options, argv)) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = options.find((each) => each.name === token.name)
    if (option === undefined) throw await unknownOption(spec, options, token.rawName)
    const value = checkedValue(option, token)
    if (option.type === 'text') await checkChoice(option, value, token.rawName)
    const before = values.get(option.name) ?? []
    if (option.type !== 'flag') refuseRepetition(option, before, token.rawName)
    values.set(option.name, [...before, value])
  }
  if (!values.has('help')) checkPositionals(spec, positionals)
  refuseBoth(values, 'quiet', 'verbose')
  const known = new Set(options.map((option) => option.name))
  return { command: spec.name, positionals, values, known }
}

type OptionToken = {
  readonly kind: 'option'
  readonly name: string
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}

type Token = OptionToken | { readonly kind: 'positional'; readonly value: string } | Terminator

type Terminator = { readonly kind: 'option-terminator' }

function tokens(options: readonly OptionSpec[], argv: readonly string[]): readonly Token[] {
  const entries = options.map((option) => [
    option.name,
    {
      type: option.type === 'flag' ? ('boolean' as const) : ('string' as const),
      ...(option.short !== undefined && { short: option.short }),
    },
  ])
  return parseArgs({
    args: [...argv],
    options: Object.fromEntries(entries),
    allowPositionals: true,
    strict: false,
    tokens: true,
  }).tokens
}

function checkedValue(option: OptionSpec, { rawName, value, inlineValue }: OptionToken): string {
  if (option.type === 'flag') {
    if (value !== undefined) throw usage(`${rawName} takes no value; found "${value}".`, rawName)
    return 'true'
  }
  if (value === undefined || value === '')
    throw usage(`${rawName} needs ${article(option)}.`, rawName)
  if (inlineValue !== true && value.length > 1 && value.startsWith('-')) {
    throw usage(
      `${rawName} needs ${article(option)}; found "${value}". ` +
        `If that is the value, write ${rawName.startsWith('--') ? `${rawName}=${value}` : `--${option.name}=${value}`}.`,
      rawName,
    )
  }
  if (option.type !== 'text') checkNumber(option, value, rawName)
  return value
}

function article(option: Exclude<OptionSpec, { readonly type: 'flag' }>): string {
  if (option.type === 'text') return `a value (<${option.valueName}>)`
  const kind = option.type === 'integer' ? 'a whole number' : 'a number'
  const { min, max } = option
  return max === Number.POSITIVE_INFINITY
    ? `${kind} of at least ${min}`
    : `${kind} from ${min} to ${max}`
}

/** Core is loaded only where there is an error to make helpful. */
async function checkChoice(
  option: Extract<OptionSpec, { readonly type: 'text' }>,
  value: string,
  rawName: string,
): Promise<void> {
  if (option.choices === undefined || option.choices.includes(value)) return
  const { suggestion } = await import('@mixbit/core')
  throw usage(
    `${rawName} must be one of ${option.choices.join(', ')}; found "${value}".${suggestion(value, option.choices)}`,
    rawName,
  )
}

/** Decimal digits only: `Number` would also take 0x10, 1e3 and blanks. */
function checkNumber(
  option: Extract<OptionSpec, { readonly type: 'integer' | 'number' }>,
  value: string,
  rawName: string,
): void {
  const pattern = option.type === 'integer' ? /^-?\d+$/u : /^-?(?:\d+\.?\d*|\.\d+)$/u
  const number = Number(value)
  if (pattern.test(value) && number >= option.min && number <= option.max) return
  throw usage(`${rawName} needs ${article(option)}; found "${value}".`, rawName)
}

function refuseRepetition(option: OptionSpec, before: readonly string[], rawName: string): void {
  if (before.length === 0 || option.repeatable === true) return
  throw usage(`${rawName} is given more than once; it takes one value.`, rawName)
}

function refuseBoth(values: ReadonlyMap<string, unknown>, one: string, other: string): void {
  if (!values.has(one) || !values.has(other)) return
  throw usage(`--${one} and --${other} exclude each other.`, `--${one}`)
}

function checkPositionals(spec: CommandSpec, found: readonly string[]): void {
  const missing = spec.positionals.find(
    (each, index) => each.required && found[index] === undefined,
  )
  if (missing !== undefined) {
    throw new CliError('usage', `${spec.name} needs <${missing.name}>. Usage: ${usageLine(spec)}`, {
      command: spec.name,
      missing: missing.name,
    })
  }
  const extra = found[spec.positionals.length]
  if (extra === undefined) return
  throw new CliError('usage', `Unexpected argument "${extra}". Usage: ${usageLine(spec)}`, {
    command: spec.name,
    found: extra,
  })
}

/** Core is loaded only now, when there is an error to make helpful. */
async function unknownOption(
  spec: CommandSpec,
  options: readonly OptionSpec[],
  found: string,
): Promise<CliError> {
  const { suggestion } = await import('@mixbit/core')
  const names = options.map((option) => `--${option.name}`)
  return new CliError(
    'unknown-option',
    `${spec.name} has no option "${found}".${suggestion(found, names)} ` +
      `See mixbit ${spec.name} --help.`,
    { command: spec.name, option: found, options: names },
  )
}

function usage(message: string, option: string): CliError {
  return new CliError('usage', message, { option })
}
