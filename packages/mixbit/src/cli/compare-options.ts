import { MixbitError, compareModelOptions } from '@mixbit/core'
import type { Host, JobContext } from '@mixbit/core'
import { createJobContext } from '../host/job-context.ts'
import { optionsText } from '../terminal/options-text.ts'
import { EXIT } from './io.ts'
import type { CommandIo, ExitCode } from './io.ts'
import { layoutFor } from './layout.ts'
import { writeResult } from './output.ts'
import { hasFlag, numberOption, textOption } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'
import { requiredOption } from './required.ts'
import type { CommandSettings } from './settings.ts'
import { withHost, withScratch } from './with-host.ts'

/** Options of `compare` that only mean something together with `--options`. */
const ONLY_WITH_OPTIONS = ['calibration', 'samples', 'sampling', 'seed'] as const

/** Refuses options of `compare` that do not go together. */
export function checkCompareArgs(args: ParsedArgs): void {
  const [, other] = args.positionals
  if (!hasFlag(args, 'options')) {
    const stray = ONLY_WITH_OPTIONS.find((name) => textOption(args, name) !== undefined)
    if (stray !== undefined) throw usage(`--${stray} of compare goes with --options.`)
    if (other === undefined) throw usage('compare needs <other>, or --options.')
    return
  }
  if (other !== undefined) {
    throw usage(`compare --options makes the models to compare itself: leave "${other}" out.`)
  }
  if (hasFlag(args, 'layers')) throw usage('--layers and --options exclude each other.')
}

function usage(message: string): MixbitError {
  return new MixbitError('usage', `${message} See mixbit compare --help.`, { command: 'compare' })
}

/** `compare --options`: makes the usual ways to quantize a model, and measures each. */
export async function compareOptions(
  args: ParsedArgs,
  io: CommandIo,
  settings: CommandSettings,
): Promise<ExitCode> {
  const { model, calibration, seed, numerics } = settings
  const data = requiredOption(args, 'data')
  const limit = numberOption(args, 'limit') ?? null
  const request = { model, data, limit, calibration, seed, numerics }
  const loaded = createJobContext()
  const context = stoppable(loaded, io.signal)
  try {
    const comparison = await withScratch((scratch) => {
      const place = {
        withHost: <Result>(work: (host: Host) => Promise<Result>): Promise<Result> =>
          withHost(args, io, work),
        context,
        scratch,
        now: () => io.now() / 1000,
        emit: io.emit,
      }
      return compareModelOptions(place, request)
    })
    writeResult(args, io, {
      json: comparison,
      text: optionsText(comparison, layoutFor(args, io)),
    })
    return EXIT.done
  } finally {
    await loaded.close()
  }
}

/** Times are taken in this thread, so nothing else ends them when the user asks to stop. */
function stoppable(context: JobContext, signal: AbortSignal): JobContext {
  return {
    ...context,
    session: (path, options) => {
      if (signal.aborted) throw new MixbitError('cancelled', 'Stopped before the end.')
      return context.session(path, options)
    },
  }
}
