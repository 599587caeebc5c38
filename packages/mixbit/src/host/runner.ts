/** A job that was asked for: its result, and how to give it up before it starts. */
export type RunningJob = { readonly result: Promise<unknown>; readonly cancel: () => void }

/** Runs jobs by name, in this thread or in others. */
export type Runner = {
  readonly submit: (name: string, input: unknown) => RunningJob
  readonly close: () => Promise<void>
}
