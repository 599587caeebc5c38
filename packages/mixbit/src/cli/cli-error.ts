import type { ErrorCode, ErrorFacts } from '@mixbit/core'

/**
 * Refuses what was asked for. The same shape as core's MixbitError, without loading core: the
 * command line checks its arguments before it loads anything large.
 */
export class CliError extends Error {
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message)
    this.name = 'CliError'
    this.code = code
    this.facts = facts
  }
}
