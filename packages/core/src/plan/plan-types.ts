import type { Finding } from '../base/finding.ts'
import type { Algorithm, Target } from '../config/settings.ts'
import type { Scheme } from '../scheme/scheme.ts'
import type { WeightRole } from '../operators/weight-role.ts'

/** The decision for one weight. */
export type LayerPlan = {
  readonly layer: string
  readonly component: string
  readonly role: WeightRole
  readonly shape: readonly number[]
  readonly scheme: Scheme
  readonly algorithm: Algorithm
  /** How the target's file holds it, e.g. "MatMulNBits", "DequantizeLinear", "initializer". */
  readonly form: string
  /** Exact bytes on disk. */
  readonly bytes: { readonly codes: number; readonly scales: number; readonly zeroPoints: number }
  /** Why it is so, one short sentence a rule that spoke, in order. */
  readonly reasons: readonly string[]
}

/** JSON of `mixbit plan`, and `plan.json` beside every output. Editable; fed back by `--plan`. */
export type Plan = {
  readonly schema: 'mixbit/plan@1'
  readonly model: string
  readonly target: Target
  readonly preset: string | null
  readonly protect: boolean
  /** sha256 of the statistics that algorithms used; null without calibration. */
  readonly statistics: string | null
  readonly seed: number
  readonly layers: readonly LayerPlan[]
  /** Exact bytes of codes, scales, zero points and float weights together. */
  readonly bytes: number
  readonly findings: readonly Finding[]
}
