import { MixbitError } from '@mixbit/core/worker'
import type { ErrorCode } from '@mixbit/core'

/** The `code` of a system error (`ENOENT`), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Runs `action`; a system error in it becomes a coded error about reading `path`. */
export async function reading<Result>(
  path: string,
  action: () => Promise<Result>,
): Promise<Result> {
  try {
    return await action()
  } catch (error) {
    throw asCoded(error, path, readCode, 'read')
  }
}

/** The same of an action that is done at once. */
export function readingNow<Result>(path: string, action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    throw asCoded(error, path, readCode, 'read')
  }
}

/** Runs `action`; a system error in it becomes a coded error about writing `path`. */
export async function writing<Result>(
  path: string,
  action: () => Promise<Result>,
): Promise<Result> {
  try {
    return await action()
  } catch (error) {
    throw asCoded(error, path, () => 'not-writable', 'write')
  }
}

function readCode(code: string): ErrorCode {
  return code === 'ENOENT' || code === 'ENOTDIR' ? 'not-found' : 'not-readable'
}

function asCoded(
  error: unknown,
  path: string,
  codeOf: (code: string) => ErrorCode,
  verb: string,
): unknown {
  const code = systemCode(error)
  if (error instanceof MixbitError || code === undefined) return error
  const reason = REASONS[code] ?? (error instanceof Error ? error.message : code)
  const message = `Cannot ${verb} "${path}": ${reason}.`
  return new MixbitError(codeOf(code), message, { file: path, reason: code }, { cause: error })
}

/** What the common system errors mean for a person. */
export const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many files are open',
  ELOOP: 'its symbolic links form a loop',
  ENAMETOOLONG: 'the name is too long',
  ERR_INVALID_ARG_VALUE: 'the name is not valid',
}
