export { MixbitError, ERROR_CODES } from './base/error.ts'
export type { ErrorCode, ErrorFacts } from './base/error.ts'
