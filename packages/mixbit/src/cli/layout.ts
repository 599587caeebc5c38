import type { PlanDetail } from '../terminal/plan-text.ts'
import { paintFor } from '../terminal/style.ts'
import type { Layout } from '../terminal/summary.ts'
import { askedColumns } from './columns.ts'
import type { CommandIo } from './io.ts'
import { hasFlag } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'

/**
 * Width and colours of the stream that takes the text: with `--json` stdout has the JSON alone. What goes
 * to no terminal is read by programs or later: nothing is cut there, unless `COLUMNS` asks for it.
 */
export function layoutFor(args: ParsedArgs, io: CommandIo): Layout {
  const stream = hasFlag(args, 'json') ? io.stderr : io.stdout
  const isFitted = stream.isTTY || askedColumns(io.env) !== null
  return {
    width: stream.columns,
    paint: paintFor(stream, io.env),
    tables: isFitted ? 'fitted' : 'whole',
  }
}

/** `--verbose` lists every layer. */
export function detailOf(args: ParsedArgs): PlanDetail {
  return hasFlag(args, 'verbose') ? 'layers' : 'summary'
}
