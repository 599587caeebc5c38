import type { JobContext, Session } from '../base/host.ts'

/** A job context that knows how long its graphs ran. */
export type TimedContext = {
  readonly context: JobContext
  /** Seconds spent in runs of graphs since the last call. */
  readonly take: () => number
}

/** @param now - seconds since any fixed moment */
export function timedContext(context: JobContext, now: () => number): TimedContext {
  let spent = 0
  const timed = (session: Session): Session => ({
    ...session,
    run: async (feeds, outputs) => {
      const started = now()
      const results = await session.run(feeds, outputs)
      spent += now() - started
      return results
    },
  })
  return {
    context: {
      ...context,
      session: async (path, options) => timed(await context.session(path, options)),
    },
    take: () => {
      const seconds = spent
      spent = 0
      return seconds
    },
  }
}
