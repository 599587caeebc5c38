import type { RuntimeOptions } from '../base/host.ts'
import type { AnsweredQuestion, Evaluation } from './evaluate-types.ts'

/** A graph that is measured by itself: the component `model`. */
export type EvaluatedModel = {
  /** Path of the graph. */
  readonly file: string
  /** Folder with its tokenizer and `preprocessor_config.json`; null where there is none. */
  readonly folder: string | null
}

/**
 * JSON of `mixbit evaluate` for a single graph: that of questions, where `value` may be missing
 * (no number came out, and a finding says why) and an interval too (it has no formula there).
 */
export type TaskEvaluation = Omit<Evaluation, 'value' | 'low' | 'high'> & {
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
  /** Further numbers of the task by name, such as `top5-accuracy`. */
  readonly metrics: Readonly<Record<string, number | null>>
}

/** An evaluation and what it was computed from. */
export type TaskResult = {
  readonly evaluation: TaskEvaluation
  /** Each sample with its answer, where a sample has one; in the order of the data set. */
  readonly answers: readonly AnsweredQuestion[]
  /**
   * One number a sample, to compare two models sample by sample: 1 for right, 0 for wrong, or the
   * mean negative log likelihood of a window. Null where the metric is not of single samples.
   */
  readonly scores: readonly number[] | null
}

export type TaskOptions = {
  /** Only the first samples of the data set. */
  readonly limit?: number
  readonly numerics: RuntimeOptions['numerics']
  /** The name of the stage in progress events; by default `evaluate`. */
  readonly stage?: string
  /** Seconds since any fixed moment; core has no clock. */
  readonly now: () => number
}

/** What a task measured, before it is put into the shape of an evaluation. */
export type Measurement = Pick<TaskResult, 'answers' | 'scores'> &
  Pick<TaskEvaluation, 'metric' | 'value' | 'low' | 'high' | 'samples' | 'metrics' | 'findings'>
