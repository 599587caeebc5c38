/**
 * Every way in which Mixbit refuses its input. Each code has one row in `docs/errors.md`;
 * a test keeps the two equal.
 */
export const ERROR_CODES = [
  // Input files
  'not-found',
  'not-readable',
  'unknown-format',
  'truncated',
  'malformed',
  'limit-exceeded',
  'unsupported-version',
  'unsupported-dtype',
  'unsupported-model',
  'missing-tensor',
  'wrong-shape',
  'not-finite',
  'path-outside',
  'external-data',
  'ambiguous-variant',
  // Configuration and command line
  'usage',
  'unknown-option',
  'unknown-command',
  'invalid-config',
  'invalid-precision',
  'invalid-plan',
  'pattern-without-match',
  'unsupported-scheme',
  'unsupported-target',
  'statistics-mismatch',
  // Data sets
  'invalid-dataset',
  'missing-image',
  'invalid-image',
  'empty-dataset',
  'prompt-too-long',
  // Output and run
  'output-exists',
  'not-writable',
  'runtime-failed',
  'cancelled',
] as const

/** A stable name for programs; never changes its meaning. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/** Plain facts about what went wrong, for programs: names, sizes, allowed values. */
export type ErrorFacts = Readonly<
  Record<string, string | number | boolean | null | readonly (string | number)[]>
>

/**
 * Bad input or usage: says what, where and the remedy. Programming mistakes stay plain
 * `TypeError`s and crash.
 */
export class MixbitError extends Error {
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MixbitError'
    this.code = code
    this.facts = facts
  }
}

/** Throws a `MixbitError` unless `condition` holds. */
export function ensure(
  condition: boolean,
  code: ErrorCode,
  message: string,
  facts: ErrorFacts = {},
): asserts condition {
  if (!condition) throw new MixbitError(code, message, facts)
}
