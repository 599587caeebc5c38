import { MixbitError } from '../../../base/error.ts'

/** One thing that must hold of a package. */
export type StructureCheck = {
  readonly name: StructureCheckName
  /** `skipped`: an earlier check failed, or there was something to look at and no rule for any of it. */
  readonly status: 'passed' | 'failed' | 'skipped'
  /** What is wrong and where, or what was not looked at; null when there is nothing to say. */
  readonly message: string | null
}

/** In the order in which they run; each needs those before it that read the package. */
export const STRUCTURE_CHECKS = [
  'manifest',
  'program',
  'blobs',
  'blob count',
  'names',
  'operators',
  'constants',
  'types',
  'description',
] as const

export type StructureCheckName = (typeof STRUCTURE_CHECKS)[number]

/** More problems than this are only counted. */
const MOST_SHOWN = 3

/** The outcome of a check that found these problems. */
export function outcome(name: StructureCheckName, problems: readonly string[]): StructureCheck {
  const [first] = problems
  if (first === undefined) return { name, status: 'passed', message: null }
  const hidden = problems.length - MOST_SHOWN
  const shown = problems.slice(0, MOST_SHOWN).join(' ')
  const message = hidden > 0 ? `${shown} And ${hidden} more.` : shown
  return { name, status: 'failed', message }
}

/** The message of a refusal; every other error is thrown on. */
export function refusal(error: unknown): string {
  if (error instanceof MixbitError) return error.message
  throw error
}

/** Problems of something that refuses what it does not like. */
export function problemsOf(check: () => void): readonly string[] {
  try {
    check()
    return []
  } catch (error) {
    return [refusal(error)]
  }
}
