import { paintFor } from '../terminal/style.ts'
import type { Layout } from '../terminal/summary.ts'
import type { CommandIo } from './io.ts'
import { hasFlag } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'

/** Width and colours of the stream that takes the text: with `--json` stdout has the JSON alone. */
export function layoutFor(args: ParsedArgs, io: CommandIo): Layout {
  const stream = hasFlag(args, 'json') ? io.stderr : io.stdout
  return { width: stream.columns, paint: paintFor(stream, io.env) }
}
