import type { WeightFacts } from '../audit/audit-types.ts'
import type { Finding } from '../base/finding.ts'
import type { Scheme } from '../scheme/scheme.ts'
import type { PlanRequest, Rule } from './draft.ts'
import type { LayerPlan } from './plan-types.ts'

/** What was decided for one weight. */
export type Decided = Pick<LayerPlan, 'scheme' | 'algorithm' | 'reasons'> & {
  readonly facts: WeightFacts
  /** Stays compressed as it is. */
  readonly kept?: boolean | undefined
}

/** What forms depend on besides the weights. */
export type FormRequest = Pick<PlanRequest, 'opsetLimit' | 'coreml'>

/** How weights are planned for a family of targets. */
export type Planning = {
  /** What decides after the asked-for precision, in this order. */
  readonly rules: readonly Rule[]
  /**
   * The plans of all weights of a model, with the form and exact bytes that follow from each decision.
   * Throws `unsupported-scheme` for what the target cannot hold.
   */
  readonly layersOf: (decided: readonly Decided[], request: FormRequest) => readonly LayerPlan[]
  /** Why a scheme would lose values of a weight beyond fp16, in words; null when it does not. */
  readonly beyondHalf: (facts: WeightFacts, scheme: Scheme) => string | null
  /** What the reader of a plan should know of its layers. */
  readonly findingsOf: (
    layers: readonly LayerPlan[],
    request: Pick<PlanRequest, 'coreml'>,
    weights: readonly WeightFacts[],
  ) => readonly Finding[]
}
