import type { ErrorFacts } from '@mixbit/core'
import { EXIT } from './io.ts'
import type { ExitCode, Io } from './io.ts'
import { printable } from '../terminal/text.ts'
import { toolVersion } from './version.ts'

/** What a failure is called, in text and JSON. */
type Failure = {
  readonly code: string
  readonly message: string
  readonly facts: ErrorFacts
  readonly exitCode: ExitCode
}

export type FailureOptions = { readonly json: boolean; readonly verbose: boolean }

/** The code of a mistake in Mixbit itself; every other code refuses input. */
const DEFECT_CODE = 'internal'

/**
 * Tells people and programs why nothing came out. The last line on stderr is
 * `error <code>: <message>`; with `json`, stdout is `{"error": ...}`.
 */
export function reportFailure(error: unknown, io: Io, options: FailureOptions): ExitCode {
  const failure = describe(error)
  if (failure.exitCode === EXIT.defect) io.stderr.write(`${defectText(error, io)}\n`)
  else if (options.verbose) io.stderr.write(`${causeText(error, failure)}\n`)
  if (options.json) {
    const { code, message, facts } = failure
    io.stdout.write(`${JSON.stringify({ error: { code, message, facts } })}\n`)
  }
  io.stderr.write(`error ${failure.code}: ${printable(failure.message)}\n`)
  return failure.exitCode
}

/** By shape, not by class: core may be loaded late, not at all, or in a worker thread. */
function describe(error: unknown): Failure {
  if (isRefusal(error)) {
    const exitCode = error.code === 'cancelled' ? EXIT.interrupted : EXIT.refused
    return { code: error.code, message: error.message, facts: error.facts, exitCode }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: DEFECT_CODE, message, facts: {}, exitCode: EXIT.defect }
}

type Refusal = Error & { readonly code: string; readonly facts: ErrorFacts }

function isRefusal(error: unknown): error is Refusal {
  return (
    error instanceof Error &&
    (error.name === 'MixbitError' || error.name === 'CliError') &&
    'code' in error &&
    typeof error.code === 'string' &&
    'facts' in error &&
    typeof error.facts === 'object' &&
    error.facts !== null
  )
}

function defectText(error: unknown, io: Io): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return [
    ...stack
      .split('\n')
      .map(
        (line) =>
          `${' '.repeat(line.length - line.trimStart().length)}${printable(line.trimStart())}`,
      ),
    '',
    `This is a defect in Mixbit ${toolVersion()} (${io.platform}), not in your input. Please report`,
    'it in the issue tracker of the project, with the lines above and the command that you ran.',
  ].join('\n')
}

function causeText(error: unknown, failure: Failure): string {
  const facts = Object.entries(failure.facts).map(
    ([name, value]) => `  ${name}: ${JSON.stringify(value)}`,
  )
  const cause =
    error instanceof Error && error.cause instanceof Error ? error.cause.stack : undefined
  const stack = error instanceof Error ? error.stack : undefined
  return ['facts:', ...facts, stack ?? '', ...(cause === undefined ? [] : [`caused by: ${cause}`])]
    .flatMap((block) => block.split('\n'))
    .map(
      (line) =>
        `${' '.repeat(line.length - line.trimStart().length)}${printable(line.trimStart())}`,
    )
    .join('\n')
}
