import type { Finding } from '../base/finding.ts'

/** The float model, and the four ways to quantize it that are compared. */
const OPTION_NAMES = ['float', 'int8', 'int4', 'mixed', 'dynamic'] as const

export type OptionName = (typeof OPTION_NAMES)[number]

/** How good one option is. Every number was measured on the files that were written. */
export type OptionQuality = {
  /** Of the task, such as `vqa-accuracy`; null where the data have no labels. */
  readonly metric: string | null
  readonly value: number | null
  /** 95 % interval of the value; null where it has no formula. */
  readonly low: number | null
  readonly high: number | null
  /** Of the outputs against those of the float model; null when nothing changed. */
  readonly sqnrDb: number | null
  readonly top1Agreement: number | null
}

/** One row: an option, measured, or the reason why there is none. */
export type OptionRow = OptionQuality & {
  readonly name: OptionName
  /** Of model files. */
  readonly bytes: number | null
  /** Bytes divided by those of the float model. */
  readonly ratio: number | null
  /** Median time of the graphs for one sample, on this machine. */
  readonly milliseconds: number | null
  readonly status: 'measured' | 'not-available'
  /** Why it is not available; null when it was measured. */
  readonly reason: string | null
}

/** JSON of `mixbit compare --options`. */
export type OptionsComparison = {
  readonly schema: 'mixbit/options@1'
  readonly model: string
  readonly data: string
  readonly samples: number
  readonly options: readonly OptionRow[]
  readonly findings: readonly Finding[]
}
