import { availableParallelism } from 'node:os'
import type { Pool } from '@mixbit/core'
import { WORKER } from '../places.ts'
import { createJobContext } from './job-context.ts'
import { jobNamed } from './job-table.ts'
import type { JobTable } from './job-table.ts'
import { pack } from './message.ts'
import type { Ownership } from './message.ts'
import type { Runner, RunningJob } from './runner.ts'
import { inThreads } from './threads.ts'

export type PoolOptions = {
  /** How many worker threads; 0 runs every job in this thread. */
  readonly workers: number
  /** The jobs for `workers: 0`; worker threads take the same table from their own file. */
  readonly jobs: JobTable
  /** The file that a worker thread starts. */
  readonly workerUrl?: URL
}

/** Each worker loads its own copy of a model, so more than this costs more memory than it gains. */
const MOST_WORKERS = 8

export function defaultWorkers(): number {
  return Math.min(availableParallelism(), MOST_WORKERS)
}

/**
 * A pool of worker threads, started when there is work for them.
 *
 * A job gets a copy of its input, so the caller may use its arrays again. Its output is given
 * away: arrays in it are empty in the job afterwards. Both hold in process too.
 */
export function createPool(options: PoolOptions): Pool {
  const { workerUrl = WORKER } = options
  const runner =
    options.workers === 0 ? inProcess(options.jobs) : inThreads(options.workers, workerUrl)
  return {
    width: Math.max(1, options.workers),
    map: (name, inputs) => inOrder(runner, options.workers, name, inputs),
    close: () => runner.close(),
  }
}

/**
 * Yields results in the order of the inputs. At most twice as many jobs as workers are under way
 * or finished and not yet taken, so one slow job does not stop the others at once.
 */
async function* inOrder<Input, Output>(
  runner: Runner,
  workers: number,
  name: string,
  inputs: AsyncIterable<Input> | Iterable<Input>,
): AsyncGenerator<Output, void> {
  const limit = Math.max(1, workers * 2)
  const window: RunningJob[] = []
  try {
    for await (const input of inputs) {
      window.push(runner.submit(name, input))
      if (window.length === limit) yield trusted<Output>(await window[0]?.result)
      if (window.length === limit) window.shift()
    }
    while (window.length > 0) {
      yield trusted<Output>(await window[0]?.result)
      window.shift()
    }
  } finally {
    for (const running of window) running.cancel()
  }
}

/** The one place where a job's result gets its type: the caller's, by the name of the job. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function trusted<Output>(output: unknown): Output
function trusted(output: unknown): unknown {
  return output
}

/** Runs jobs one after another in this thread, with data sent as between threads. */
function inProcess(jobs: JobTable): Runner {
  const context = createJobContext()
  const run = async (name: string, input: unknown): Promise<unknown> =>
    sent(await jobNamed(jobs, name)(sent(input, 'keep'), context), 'give')
  return {
    submit: (name, input) => ({ result: run(name, input), cancel: () => undefined }),
    close: () => context.close(),
  }
}

function sent(value: unknown, ownership: Ownership): unknown {
  const { data, transfer } = pack(value, ownership)
  return structuredClone(data, { transfer: [...transfer] })
}
