import type { JobContext } from '@mixbit/core'

/** One job: plain transferable data in, plain transferable data out. */
export type Job = {
  // A method, so that a job may name the type of its input.
  run(input: unknown, context: JobContext): Promise<unknown>
}['run']

/** Every job that a pool can run, by name. */
export type JobTable = Readonly<Record<string, Job>>

/** The job called `name`; asking for another is a programming mistake. */
export function jobNamed(jobs: JobTable, name: string): Job {
  const job = Object.hasOwn(jobs, name) ? jobs[name] : undefined
  if (job !== undefined) return job
  throw new TypeError(`There is no job "${name}", only ${Object.keys(jobs).join(', ')}`)
}
