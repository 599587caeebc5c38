import type { Emit } from '../base/events.ts'
import type { Report } from '../report/report-types.ts'

/** The steps of a run with their times, told to the screen as they happen. */
export type Steps = {
  /**
   * @param told - what came out, in a few words for the screen
   * @param subject - what the step works on, where a step is done more than once
   */
  readonly run: <Value>(
    name: string,
    step: () => Promise<Value>,
    told: (value: Value) => string,
    subject?: string,
  ) => Promise<Value>
  /** Notes that a step had nothing to do, and why. */
  readonly skipped: (name: string, reason: string) => void
  readonly list: () => Report['steps']
}

/** @param now - seconds since any fixed moment */
export function startSteps(emit: Emit, now: () => number): Steps {
  const done: { name: string; seconds: number | null; note: string }[] = []
  return {
    async run(name, step, told, subject) {
      emit({ kind: 'stage', stage: name })
      const started = now()
      const value = await step()
      const seconds = now() - started
      done.push({ name: subject === undefined ? name : `${name}: ${subject}`, seconds, note: '' })
      emit({ kind: 'stage-done', stage: name, summary: told(value) })
      return value
    },
    skipped(name, reason) {
      done.push({ name, seconds: null, note: `skipped: ${reason}` })
      emit({ kind: 'notice', message: `${name}: skipped, ${reason}` })
    },
    list: () => [...done],
  }
}
