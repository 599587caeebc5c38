import type { Emit } from '@mixbit/core'
import { paintFor } from '../terminal/style.ts'
import { CliError } from './cli-error.ts'
import type { CommandEntry } from './command.ts'
import { reportFailure } from './failure.ts'
import { commandHelp, toolHelp } from './help.ts'
import { EXIT } from './io.ts'
import type { ExitCode, Io, OutputStream } from './io.ts'
import { parseCommandArgs } from './parse-args.ts'
import { hasFlag } from './parsed-args.ts'
import type { ParsedArgs } from './parsed-args.ts'
import { toolVersion } from './version.ts'

/** A command that was asked to stop gets this long to put its work away. */
const GRACE_MS = 3000

/** Runs one command line and answers with its exit code; never throws. */
export async function runCli(
  argv: readonly string[],
  io: Io,
  commands: readonly CommandEntry[],
  graceMs: number = GRACE_MS,
): Promise<ExitCode> {
  try {
    return await dispatch(argv, io, commands, graceMs)
  } catch (error) {
    return reportFailure(error, io, failureOptions(argv))
  }
}

/** Whether an error is told as JSON and at length: known before the arguments are checked. */
export function failureOptions(argv: readonly string[]): {
  readonly json: boolean
  readonly verbose: boolean
} {
  const end = argv.indexOf('--')
  const options = end === -1 ? argv : argv.slice(0, end)
  return { json: options.includes('--json'), verbose: options.includes('--verbose') }
}

async function dispatch(
  argv: readonly string[],
  io: Io,
  commands: readonly CommandEntry[],
  graceMs: number,
): Promise<ExitCode> {
  const [first, ...rest] = argv
  if (first === undefined || first === '--help' || first === '-h') return showHelp(io, commands)
  if (first === '--version') return show(io, `${toolVersion()}\n`)
  if (first === 'help') {
    const [about] = rest
    if (about === undefined) return showHelp(io, commands)
    return show(io, commandHelp(await findCommand(about, commands), io.stdout.columns))
  }
  const command = await findCommand(first, commands)
  const args = await parseCommandArgs(command, rest)
  if (hasFlag(args, 'help')) return show(io, commandHelp(command, io.stdout.columns))
  return runCommand(command, args, io, graceMs)
}

async function runCommand(
  entry: CommandEntry,
  args: ParsedArgs,
  io: Io,
  graceMs: number,
): Promise<ExitCode> {
  const [{ command }, reporter] = await Promise.all([entry.load(), makeReporter(args, io)])
  const work = command.run(args, {
    ...io,
    stdout: afterProgress(io.stdout, reporter.close),
    stderr: afterProgress(io.stderr, reporter.close),
    emit: reporter.emit,
  })
  try {
    return await untilStopped(work, io.signal, graceMs)
  } catch (error) {
    // What fails because it was stopped is not a failure of its own.
    throw io.signal.aborted ? stopped() : error
  } finally {
    reporter.close()
  }
}

/** A result is never written behind a progress line that is still on the screen. */
function afterProgress(stream: OutputStream, clear: () => void): OutputStream {
  return {
    write: (text) => {
      clear()
      stream.write(text)
    },
    isTTY: stream.isTTY,
    get columns() {
      return stream.columns
    },
  }
}

async function makeReporter(
  args: ParsedArgs,
  io: Io,
): Promise<{ readonly emit: Emit; readonly close: () => void }> {
  const { createReporter } = await import('../terminal/reporter.ts')
  const level = hasFlag(args, 'quiet') ? 'quiet' : hasFlag(args, 'verbose') ? 'verbose' : 'normal'
  const isTTY = io.stderr.isTTY && io.env['TERM'] !== 'dumb'
  const stream = {
    write: io.stderr.write,
    isTTY,
    get columns() {
      return io.stderr.columns
    },
  }
  return createReporter(stream, { level, paint: paintFor(io.stderr, io.env), now: io.now })
}

/** The result of `work`, or `cancelled` when it does not end soon after the signal. */
async function untilStopped<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
  graceMs: number,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  let onAbort = (): void => {}
  const stop = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(stopped()), graceMs)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, stop])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function stopped(): CliError {
  return new CliError('cancelled', 'Stopped before the end.')
}

async function findCommand(name: string, commands: readonly CommandEntry[]): Promise<CommandEntry> {
  const found = commands.find((command) => command.name === name)
  if (found !== undefined) return found
  if (name.startsWith('-')) {
    throw new CliError('usage', `Put the command before its options: mixbit <command> ${name}.`, {
      found: name,
    })
  }
  const { suggestion } = await import('@mixbit/core')
  const names = commands.map((command) => command.name)
  throw new CliError(
    'unknown-command',
    `There is no command "${name}".${suggestion(name, names)} See mixbit --help.`,
    { command: name, commands: names },
  )
}

function showHelp(io: Io, commands: readonly CommandEntry[]): ExitCode {
  return show(io, toolHelp(commands, io.stdout.columns))
}

function show(io: Io, text: string): ExitCode {
  io.stdout.write(text)
  return EXIT.done
}
