import { MixbitError } from '@mixbit/core'
import type { Runner, RunningJob } from './runner.ts'
import { startThread } from './thread.ts'
import type { Thread } from './thread.ts'

type Task = {
  readonly name: string
  readonly input: unknown
  readonly resolve: (output: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Runs jobs in up to `workers` threads, first come first served. */
export function inThreads(workers: number, url: URL): Runner {
  const threads = threadStore(workers, url)
  const queue: Task[] = []
  let isClosed = false

  const dispatch = (): void => {
    while (queue.length > 0) {
      const thread = threads.take()
      const task = thread === undefined ? undefined : queue.shift()
      if (thread === undefined || task === undefined) return
      const done = thread.run(task.name, task.input)
      void done.then(task.resolve, task.reject).finally(() => {
        threads.giveBack(thread)
        dispatch()
      })
    }
  }
  const submit = (name: string, input: unknown): RunningJob => {
    if (isClosed) throw new TypeError('The pool is closed')
    let cancel = (): void => undefined
    const result = new Promise((resolve, reject) => {
      const task = { name, input, resolve, reject }
      cancel = () => remove(queue, task)
      queue.push(task)
      dispatch()
    })
    // An error is thrown when its turn comes; until then nobody waits for it.
    result.catch(() => undefined)
    return { result, cancel }
  }
  const close = async (): Promise<void> => {
    isClosed = true
    for (const { name, reject } of queue.splice(0)) {
      reject(new MixbitError('cancelled', `Job "${name}" was given up before it began.`))
    }
    await threads.close()
  }
  return { submit, close }
}

function remove(queue: Task[], task: Task): void {
  const place = queue.indexOf(task)
  if (place >= 0) queue.splice(place, 1)
}

type ThreadStore = {
  /** A thread without work, started when there are fewer than allowed. */
  readonly take: () => Thread | undefined
  readonly giveBack: (thread: Thread) => void
  readonly close: () => Promise<void>
}

/** A thread that died makes room for a new one. */
function threadStore(limit: number, url: URL): ThreadStore {
  const threads = new Set<Thread>()
  const idle: Thread[] = []
  const take = (): Thread | undefined => {
    for (let thread = idle.pop(); thread !== undefined; thread = idle.pop()) {
      if (thread.isAlive()) return thread
      threads.delete(thread)
    }
    if (threads.size >= limit) return undefined
    const started = startThread(url)
    threads.add(started)
    return started
  }
  const giveBack = (thread: Thread): void => {
    if (thread.isAlive()) idle.push(thread)
    else threads.delete(thread)
  }
  const close = async (): Promise<void> => {
    await Promise.all([...threads].map((thread) => thread.close()))
  }
  return { take, giveBack, close }
}
