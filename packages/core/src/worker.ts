// What a thread of the pool loads of this package: each thread has its own copy, so no more than it needs.
export { ERROR_CODES, MixbitError } from './base/error.ts'
export { jobs } from './jobs.ts'
