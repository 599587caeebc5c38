import type { WeightFacts } from '../audit/audit-types.ts'
import type { LayerRule } from '../config/patterns.ts'
import type { LayerAlgorithm, Target } from '../config/settings.ts'
import type { SpecRange } from '../formats/coreml/form-types.ts'
import type { Scheme } from '../scheme/scheme.ts'
import type { CoremlTarget } from '../targets/coreml-versions.ts'
import type { ComputeUnit } from '../targets/coreml-devices.ts'

/** What a plan is asked for, after command line, file, preset and defaults were merged. */
export type PlanRequest = {
  readonly model: string
  readonly target: Target
  readonly preset: string | null
  /** The precision name of weights that no component or layer names; taken literally. */
  readonly precision: string | null
  /** Precision names by component; protected by default. */
  readonly components: Readonly<Record<string, string>>
  /** Precision names by layer pattern, taken literally; the last match wins. */
  readonly layers: readonly LayerRule[]
  readonly protect: boolean
  /** null: `mse` for 4 bits and below, else `round`. */
  readonly algorithm: LayerAlgorithm | null
  /** sha256 of the statistics file in use. */
  readonly statistics: string | null
  readonly seed: number
  /** `as-stored`: what stays float is not touched; `half`: it becomes fp16. */
  readonly floats: 'half' | 'as-stored'
  /** The newest opset that the graph of a component can have; any will do for those left out. */
  readonly opsetLimit: Readonly<Record<string, number>> | null
  /** What a Core ML package may become; of packages only. */
  readonly coreml?: CoremlRequest
}

/** What a plan of a Core ML package keeps to. */
export type CoremlRequest = {
  /** The oldest system; null for the oldest that the chosen forms need. */
  readonly target: CoremlTarget | null
  readonly specs: SpecRange
  /** Why the program cannot become one of a newer system, where that limits `specs`. */
  readonly heldBack: string | null
  /** What operations will run on; null leaves it to the system. */
  readonly unit: ComputeUnit | null
}

/** The decision for one weight while rules still work on it. */
export type Draft = {
  readonly facts: WeightFacts
  readonly scheme: Scheme
  readonly algorithm: LayerAlgorithm
  /** Asked for by name (`--precision`, `--layer`): only what cannot be stored may change it. */
  readonly isLiteral: boolean
  /** The name of the precision that was asked for, as `precisionName` spells it. */
  readonly asked: string
  readonly reasons: readonly string[]
  /** Stays float, although something else was asked for, because of what it is. */
  readonly isLeft?: boolean
  /** Stays compressed as it is; no rule works on it. */
  readonly kept?: boolean
}

/** One rule of planning: returns the draft as it is, or changed with a reason. */
export type Rule = (draft: Draft, request: PlanRequest) => Draft

/** The draft with another scheme and the reason for it. */
export function changed(draft: Draft, scheme: Scheme, reason: string): Draft {
  return { ...draft, scheme, reasons: [...draft.reasons, reason] }
}
