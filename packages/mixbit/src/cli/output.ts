import type { CommandIo } from './io.ts'
import { hasFlag } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'

/**
 * Writes what a command found. With `--json`, stdout gets one JSON object and nothing else, and the
 * text goes to stderr (unless `--quiet`); otherwise the text goes to stdout.
 */
export function writeResult(
  args: ParsedArgs,
  io: CommandIo,
  result: { readonly json: unknown; readonly text: string },
): void {
  const text = result.text.endsWith('\n') ? result.text : `${result.text}\n`
  if (!hasFlag(args, 'json')) {
    io.stdout.write(text)
    return
  }
  if (!hasFlag(args, 'quiet')) io.stderr.write(text)
  io.stdout.write(`${JSON.stringify(result.json)}\n`)
}
