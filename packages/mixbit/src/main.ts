import { isatty } from 'node:tty'
import { askedColumns } from './cli/columns.ts'
import { commands } from './cli/commands.ts'
import { reportFailure } from './cli/failure.ts'
import { EXIT } from './cli/io.ts'
import type { Io, OutputStream } from './cli/io.ts'
import { failureOptions, runCli } from './cli/run-cli.ts'

/** Width of text that goes to no terminal. */
const DEFAULT_COLUMNS = 80

/** Runs the command line in this process. The only file that knows `process`. */
export async function main(argv: readonly string[]): Promise<void> {
  const interruption = new AbortController()
  const io = processIo(interruption.signal)
  process.stdout.on('error', (error) => onStdoutError(error, io))
  // Nobody is left to tell.
  process.stderr.on('error', () => {})
  process.on('SIGINT', () => onInterrupt(interruption))
  process.on('SIGTERM', () => onInterrupt(interruption))
  process.on('uncaughtException', (error) => {
    process.exit(reportFailure(error, io, failureOptions(argv)))
  })
  const exitCode = await runCli(argv, io, commands)
  process.exitCode ??= exitCode
  // Work that did not stop in time may still hold the process.
  if (interruption.signal.aborted) process.exit()
}

function processIo(signal: AbortSignal): Io {
  return {
    stdout: outputStream(process.stdout, 1),
    stderr: outputStream(process.stderr, 2),
    env: process.env,
    cwd: process.cwd(),
    now: () => performance.now(),
    signal,
    platform: `Node ${process.version}, ${process.platform} ${process.arch}`,
  }
}

function outputStream(stream: NodeJS.WriteStream, descriptor: 1 | 2): OutputStream {
  return {
    write: (text) => {
      stream.write(text)
    },
    isTTY: isatty(descriptor),
    get columns() {
      return stream.columns || askedColumns(process.env) || DEFAULT_COLUMNS
    },
  }
}

/** A reader such as `head` that has seen enough is no failure; a full disk is. */
function onStdoutError(error: NodeJS.ErrnoException, io: Io): void {
  if (error.code === 'EPIPE') return
  io.stderr.write(`error not-writable: The output could not be written (${error.message}).\n`)
  process.exitCode = EXIT.refused
}

/** The first signal asks the command to stop, the second does not ask. */
function onInterrupt(interruption: AbortController): void {
  if (interruption.signal.aborted) process.exit(EXIT.interrupted)
  interruption.abort()
}
