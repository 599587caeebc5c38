import {
  ALGORITHMS,
  COMPUTE_UNITS,
  MixbitError,
  NUMERICS,
  PALETTE_RULES,
  PRESET_NAMES,
  SAMPLINGS,
  mergeConfig,
  parsePrecision,
  parseSize,
  parseTarget,
  splitAssignment,
} from '@mixbit/core'
import type { CommandLineSettings, ResolvedConfig } from '@mixbit/core'
import { refuseBesidePlan } from './beside-plan.ts'
import { CliError } from './cli-error.ts'
import { loadConfig } from './load-config.ts'
import { refuseForPackages } from './package-options.ts'
import { isPackage } from './package-path.ts'
import { hasFlag, numberOption, takesOption, textOption, textOptions } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'

/** A decided config with its model. Paths are as they were given; those of a file as they would be. */
export type CommandSettings = ResolvedConfig & { readonly model: string }

/**
 * Everything that a command was asked for: its arguments, `--config`, preset and defaults merged.
 *
 * @param cwd - the folder that the path of the config is relative to
 */
export async function resolveSettings(args: ParsedArgs, cwd: string): Promise<CommandSettings> {
  refuseBesidePlan(args)
  const configPath = textOption(args, 'config')
  const file = configPath === undefined ? {} : await loadConfig(configPath, cwd)
  const resolved = mergeConfig(commandLineSettings(args), file)
  const { model } = resolved
  if (model === null) {
    throw new CliError(
      'usage',
      `${args.command} needs a model: mixbit ${args.command} <model>, or "model" in the config file.`,
      { command: args.command, missing: 'model' },
    )
  }
  if (!model.endsWith('.onnx')) refuseForFolders(args)
  if (await isPackage(model)) refuseForPackages(args, resolved)
  else if (resolved.computeUnit !== null) throw unitWithoutPackage(model)
  return { ...resolved, model }
}

/** Options that only one ONNX file has. */
function refuseForFolders(args: ParsedArgs): void {
  if (!args.values.has('io')) return
  throw new CliError(
    'usage',
    '--io is for one ONNX file; other models keep float inputs and outputs.',
    {
      option: '--io',
    },
  )
}

function unitWithoutPackage(model: string): CliError {
  return new CliError(
    'usage',
    `--compute-unit is for Core ML packages (.mlpackage); "${model}" is none. Leave it out.`,
    { option: '--compute-unit' },
  )
}

/** What the arguments of a command ask for; options that the command lacks are left out. */
export function commandLineSettings(args: ParsedArgs): CommandLineSettings {
  const text = (name: string): string | undefined =>
    takesOption(args, name) ? textOption(args, name) : undefined
  const list = (name: string): readonly string[] =>
    takesOption(args, name) ? textOptions(args, name) : []
  const number = (name: string): number | undefined =>
    takesOption(args, name) ? numberOption(args, name) : undefined

  const size = text('budget')
  const target = text('target')
  const evaluation = list('eval').map((data) => ({ data }))
  const layers = list('layer').map(layerRule)
  const components = list('component').map(componentEntry)
  return {
    ...given('model', args.positionals[0]),
    ...given('target', target === undefined ? undefined : parseTarget(target)),
    ...given('preset', oneOf(PRESET_NAMES, text('preset'))),
    ...given('precision', checkedPrecision(text('precision'))),
    ...(components.length > 0 && { components: Object.fromEntries(components) }),
    ...(layers.length > 0 && { layers }),
    ...given('algorithm', oneOf([...ALGORITHMS, ...PALETTE_RULES], text('algorithm'))),
    ...given('computeUnit', oneOf(COMPUTE_UNITS, text('compute-unit'))),
    ...(takesOption(args, 'no-protect') && hasFlag(args, 'no-protect') && { protect: false }),
    ...given('seed', number('seed')),
    ...given('numerics', oneOf(NUMERICS, text('numerics'))),
    calibration: {
      ...given('data', text('calibration')),
      ...given('samples', number('samples')),
      ...given('sampling', oneOf(SAMPLINGS, text('sampling'))),
    },
    ...(evaluation.length > 0 && { evaluation }),
    budget: { ...given('size', size === undefined ? undefined : parseSize(size)) },
    ...given('limit', number('limit')),
    ...given('maxDrop', number('max-drop')),
  }
}

/** `{name: value}`, or nothing: a setting that was not given must not hide that of the file. */
function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } {
  const entry: { [Key in Name]?: Value } = {}
  if (value !== undefined) entry[name] = value
  return entry
}

function layerRule(text: string): { readonly pattern: string; readonly precision: string } {
  const { name, value } = splitAssignment(text, '--layer')
  parsePrecision(value)
  return { pattern: name, precision: value }
}

function componentEntry(text: string): readonly [string, string] {
  const { name, value } = splitAssignment(text, '--component')
  parsePrecision(value)
  return [name, value]
}

function checkedPrecision(text: string | undefined): string | undefined {
  if (text !== undefined) parsePrecision(text)
  return text
}

function oneOf<Name extends string>(
  names: readonly Name[],
  text: string | undefined,
): Name | undefined {
  if (text === undefined) return undefined
  const found = names.find((name) => name === text)
  if (found !== undefined) return found
  throw new MixbitError('usage', `"${text}" must be one of ${names.join(', ')}.`, { found: text })
}
