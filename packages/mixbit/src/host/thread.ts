import { Worker } from 'node:worker_threads'
import { MixbitError } from '@mixbit/core'
import { errorFrom, pack } from './message.ts'
import type { JobMessage, JobReply } from './serve-jobs.ts'

/** A worker thread that runs one job at a time. */
export type Thread = {
  readonly run: (name: string, input: unknown) => Promise<unknown>
  /** Whether the thread still lives. */
  readonly isAlive: () => boolean
  /** Ends the thread; a job that runs is stopped (`cancelled`) where it next waits. */
  readonly close: () => Promise<void>
}

type Waiting = {
  readonly name: string
  readonly resolve: (output: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * Young objects of a worker, in MiB, before they are looked through: jobs work on typed arrays, which this
 * frees earlier. By default each worker holds up to 48 MiB; quantizing and evaluating take as long with 4.
 */
const YOUNG_MIB = 4

/** Starts the worker file at `url`. A thread without work does not keep the process alive. */
export function startThread(url: URL): Thread {
  // The flags of this process are not for it: a test runner's make Node load sources.
  const worker = new Worker(url, {
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  })
  let waiting: Waiting | undefined
  let isAlive = true
  const settle = (): Waiting | undefined => {
    const settled = waiting
    waiting = undefined
    worker.unref()
    return settled
  }
  const fail = (reason: string, cause?: unknown): void => {
    const failed = settle()
    failed?.reject(lostThread(failed.name, reason, cause))
  }
  worker.unref()
  worker.on('message', (reply: JobReply) => {
    if (reply.kind === 'done') settle()?.resolve(reply.output)
    else settle()?.reject(errorFrom(reply.error))
  })
  worker.on('messageerror', (error) => fail(error.message, error))
  worker.on('error', (error) => {
    isAlive = false
    fail(error.message, error)
  })
  worker.on('exit', (code) => {
    isAlive = false
    fail(`it ended with code ${code}`)
  })
  return {
    run: (name, input) =>
      new Promise((resolve, reject) => {
        if (waiting !== undefined) throw new TypeError('A thread runs one job at a time')
        const { data, transfer } = pack(input, 'keep')
        worker.postMessage({ name, input: data } satisfies JobMessage, [...transfer])
        waiting = { name, resolve, reject }
        worker.ref()
      }),
    isAlive: () => isAlive,
    close: async () => {
      if (!isAlive) return
      const given = settle()
      given?.reject(new MixbitError('cancelled', `Job "${given.name}" was stopped.`))
      await end(worker)
    },
  }
}

/** How long a worker may take to leave the model runtime before it is ended by force. */
const GRACE_MS = 2000

/**
 * A worker is asked to release its models and end, which it does between two runs of a model.
 * Ending a thread inside ONNX Runtime can abort the whole process, so force comes last.
 */
async function end(worker: Worker): Promise<void> {
  worker.ref()
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.postMessage(undefined, [])
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => resolve(worker.terminate().then(() => undefined)), GRACE_MS)
  })
  await Promise.race([ended, late])
  clearTimeout(timer)
}

function lostThread(job: string, reason: string, cause: unknown): MixbitError {
  return new MixbitError(
    'runtime-failed',
    `The worker thread of job "${job}" died: ${reason}. When memory ran out, use fewer --workers.`,
    { job, reason },
    { cause },
  )
}
