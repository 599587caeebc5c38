import type { CommandSpec, OptionSpec } from './command.ts'
import { commonOptionsOf } from './common-options.ts'
import { wrap } from '../terminal/text.ts'

/** Help is laid out for this width, or less on a narrower terminal. */
const WIDEST = 100

const EXIT_CODES =
  'Exit codes: 0 done, 1 a gate failed, 2 bad input or usage, 70 a defect in Mixbit, 130 stopped.'

/** `mixbit run <model> [options]`. */
export function usageLine(spec: CommandSpec): string {
  const positionals = spec.positionals.map(({ name, required }) =>
    required ? `<${name}>` : `[<${name}>]`,
  )
  return ['mixbit', spec.name, ...positionals, '[options]'].join(' ')
}

/** `mixbit --help`. */
export function toolHelp(commands: readonly CommandSpec[], columns: number): string {
  const width = Math.min(columns, WIDEST)
  return sections([
    ['Makes a trained model small enough for a phone, and measures that it still works.'],
    ['Usage: mixbit <command> [<model>] [options]'],
    [
      'Commands:',
      ...definitions(
        commands.map(({ name, summary }) => [name, summary]),
        width,
      ),
    ],
    [
      'Options:',
      ...definitions(
        [
          ['-h, --help', 'Show this help; after a command, that of the command.'],
          ['--version', 'Show the version.'],
        ],
        width,
      ),
    ],
    wrap(EXIT_CODES, width),
  ])
}

/** `mixbit <command> --help`. */
export function commandHelp(spec: CommandSpec, columns: number): string {
  const width = Math.min(columns, WIDEST)
  const rows = spec.positionals.map(({ name, summary }) => [`<${name}>`, summary] as const)
  return sections([
    [`Usage: ${usageLine(spec)}`],
    wrap(spec.details, width),
    rows.length === 0 ? [] : ['Arguments:', ...definitions(rows, width)],
    spec.options.length === 0
      ? []
      : ['Options:', ...definitions(spec.options.map(optionRow), width)],
    ['Common options:', ...definitions(commonOptionsOf(spec).map(optionRow), width)],
    spec.examples.length === 0 ? [] : ['Examples:', ...spec.examples.map((line) => `  ${line}`)],
  ])
}

/** `-o, --output <path>` and what it does, with its default. */
export function optionRow(option: OptionSpec): readonly [string, string] {
  return [optionUsage(option), optionText(option)]
}

function optionUsage(option: OptionSpec): string {
  const short = option.short === undefined ? '' : `-${option.short}, `
  const value = option.type === 'flag' ? '' : ` <${option.valueName}>`
  return `${short}--${option.name}${value}`
}

function optionText(option: OptionSpec): string {
  const parts = [option.summary]
  if (option.type === 'text' && option.choices !== undefined) {
    parts.push(`One of ${option.choices.join(', ')}.`)
  }
  if (option.repeatable === true) parts.push('May be repeated.')
  if (option.defaultText !== undefined) parts.push(`Default: ${option.defaultText}.`)
  return parts.join(' ')
}

/** Terms at the left, what they mean beside them. */
function definitions(
  rows: readonly (readonly [string, string])[],
  width: number,
): readonly string[] {
  const termWidth = rows.reduce((most, [term]) => Math.max(most, term.length), 0)
  const textWidth = Math.max(30, width - termWidth - 4)
  return rows.flatMap(([term, text]) =>
    wrap(text, textWidth).map((line, index) =>
      `  ${(index === 0 ? term : '').padEnd(termWidth)}  ${line}`.trimEnd(),
    ),
  )
}

function sections(all: readonly (readonly string[])[]): string {
  return all
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}
