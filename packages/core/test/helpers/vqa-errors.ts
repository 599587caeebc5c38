import { MixbitError } from '../../src/base/error.ts'

export function isMixbitError(error: unknown): error is MixbitError {
  return error instanceof MixbitError
}
