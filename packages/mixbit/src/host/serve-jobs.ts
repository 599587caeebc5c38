import { parentPort } from 'node:worker_threads'
import { createJobContext } from './job-context.ts'
import { jobNamed } from './job-table.ts'
import type { JobTable } from './job-table.ts'
import { errorData, pack } from './message.ts'
import type { ErrorData } from './message.ts'

/** What the pool sends: one job at a time, `undefined` at the end. */
export type JobMessage = { readonly name: string; readonly input: unknown } | undefined

/** What a worker answers. */
export type JobReply =
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly error: ErrorData }

/**
 * Answers the pool's messages with the jobs of `jobs`. Called once, in a worker thread, where
 * `process.exit` ends only the thread.
 */
export function serveJobs(jobs: JobTable): void {
  const port = parentPort
  if (port === null) throw new TypeError('Jobs are served in a worker thread only')
  const context = createJobContext()

  const answer = async (message: JobMessage): Promise<void> => {
    if (message === undefined) {
      await context.close()
      process.exit()
    }
    try {
      const output = await jobNamed(jobs, message.name)(message.input, context)
      const { data, transfer } = pack(output, 'give')
      port.postMessage({ kind: 'done', output: data } satisfies JobReply, [...transfer])
    } catch (error) {
      port.postMessage({ kind: 'failed', error: errorData(error) } satisfies JobReply)
    }
  }
  port.on('message', (message: JobMessage) => void answer(message))
}
