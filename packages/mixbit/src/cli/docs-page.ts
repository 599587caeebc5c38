import type { CommandSpec, OptionSpec } from './command.ts'
import { commonOptions } from './common-options.ts'
import { optionRow, usageLine } from './help.ts'

/** The page `docs/cli.md`, made from the table of commands. */
export function docsPage(commands: readonly CommandSpec[]): string {
  return [
    '<!-- Generated from packages/mixbit/src/cli. Rewrite it with: npx vitest run packages/mixbit/test/cli-docs.test.ts -u -->',
    '# The command line',
    INTRODUCTION,
    '## Common options',
    'Of every command; `--config` of those that take a model.',
    optionTable(commonOptions),
    ...commands.flatMap(commandSection),
    '',
  ].join('\n\n')
}

const INTRODUCTION = `\`mixbit <command> [<model>] [options]\`

The command line wins over the config file ([config.md](config.md)), the config file over the preset,
the preset over the default. Precision names are explained in [precision.md](precision.md).

Exit codes: 0 done · 1 a gate failed (the work is written, the report says why) · 2 bad input or
usage · 70 a defect in Mixbit · 130 stopped. The last line on stderr of every failure is
\`error <code>: <message>\`; with \`--json\`, stdout is \`{"error": {"code", "message", "facts"}}\`. The
codes stand in [errors.md](errors.md).`

function commandSection(spec: CommandSpec): readonly string[] {
  const positionals = spec.positionals.map(
    ({ name, summary }) => `- \`<${name}>\`: ${cellText(summary)}`,
  )
  return [
    `## ${spec.name}`,
    `\`${usageLine(spec)}\``,
    spec.details,
    ...(positionals.length === 0 ? [] : [positionals.join('\n')]),
    ...(spec.options.length === 0 ? [] : [optionTable(spec.options)]),
    ...(spec.examples.length === 0 ? [] : [`\`\`\`sh\n${spec.examples.join('\n')}\n\`\`\``]),
  ]
}

function optionTable(options: readonly OptionSpec[]): string {
  const rows = options.map((option) => {
    const [usage, text] = optionRow(option)
    return `| \`${usage}\` | ${cellText(text)} |`
  })
  return ['| Option | Meaning |', '|---|---|', ...rows].join('\n')
}

function cellText(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*')
}
