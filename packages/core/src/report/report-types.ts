import type { Finding } from '../base/finding.ts'
import type { Evaluation } from '../evaluate/evaluate-types.ts'

/** One requirement and how it came out. */
export type Gate = {
  /** `max-drop`, `min-retained`, `size`; with more than one set followed by `:` and the set's name. */
  readonly name: string
  readonly status: 'passed' | 'failed'
  readonly limit: number
  readonly measured: number
  /** One sentence for people, with units. */
  readonly text: string
}

/** One component's size before and after, in bytes on disk. */
export type ComponentSize = {
  readonly component: string
  readonly precision: string
  readonly parameters: number
  readonly before: number
  readonly after: number
}

/** One weight in the report. */
export type ReportLayer = {
  readonly layer: string
  readonly component: string
  readonly role: string
  readonly shape: readonly number[]
  /** Precision name, e.g. `int4/32`. */
  readonly precision: string
  readonly form: string
  readonly algorithm: string
  readonly before: number
  readonly after: number
  /** 10 log10(sum w^2 / sum (w - decoded)^2); null when nothing changed. */
  readonly sqnrDb: number | null
  readonly mse: number
  readonly maxAbsError: number
  readonly reasons: readonly string[]
  readonly histogram: {
    readonly min: number
    readonly max: number
    readonly counts: readonly number[]
  } | null
}

/** A question whose answer changed. */
export type ChangedAnswer = {
  readonly question: string
  readonly questionType: string
  readonly expected: string
  readonly before: string
  readonly after: string
  readonly scoreBefore: number
  readonly scoreAfter: number
  /** `data:image/jpeg;base64,...` */
  readonly picture: string | null
}

/** One evaluation set, before and after. */
export type ReportEvaluation = {
  readonly name: string
  readonly before: Evaluation
  readonly after: Evaluation
  /** Questions right before and wrong after, and the other way (score moved down / up). */
  readonly worse: number
  readonly better: number
  /** Two-sided exact McNemar p-value of that split. */
  readonly pValue: number
  readonly changed: readonly ChangedAnswer[]
}

/** Everything the report page shows: `report.json`. */
export type Report = {
  readonly schema: 'mixbit/report@1'
  readonly title: string
  readonly passed: boolean
  readonly before: { readonly bytes: number; readonly value: number | null }
  readonly after: { readonly bytes: number; readonly value: number | null }
  readonly gates: readonly Gate[]
  readonly components: readonly ComponentSize[]
  readonly layers: readonly ReportLayer[]
  readonly evaluations: readonly ReportEvaluation[]
  readonly findings: readonly Finding[]
  /** Files of the output, in order. */
  readonly files: readonly {
    readonly path: string
    readonly bytes: number
    readonly sha256: string
  }[]
  /** Steps with seconds; skipped ones say why. */
  readonly steps: readonly {
    readonly name: string
    readonly seconds: number | null
    readonly note: string
  }[]
  /** Name and value rows: versions, seed, hashes, machine, numerics. */
  readonly provenance: readonly { readonly name: string; readonly value: string }[]
  /** The configuration in force, after command line, file, preset and defaults were merged. */
  readonly config: Readonly<Record<string, unknown>>
}
