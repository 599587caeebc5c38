import type { Finding } from '../base/finding.ts'
import type { LayerAlgorithm, Target } from '../config/settings.ts'
import type { PartBytes } from '../formats/part-bytes.ts'
import type { Scheme } from '../scheme/scheme.ts'
import type { ComputeUnit } from '../targets/coreml-devices.ts'
import type { RuntimeProfile } from '../targets/integer-kernels.ts'
import type { WeightRole } from '../operators/weight-role.ts'

/** The decision for one weight. */
export type LayerPlan = {
  readonly layer: string
  readonly component: string
  readonly role: WeightRole
  readonly shape: readonly number[]
  readonly scheme: Scheme
  readonly algorithm: LayerAlgorithm
  /** How the target's file holds it, e.g. "MatMulNBits", "DequantizeLinear", "initializer". */
  readonly form: string
  /** Exact bytes on disk. */
  readonly bytes: PartBytes
  /** It stays exactly as it lies in the file, compressed as it is; `scheme` says what that is. */
  readonly kept?: true | undefined
  /** Why it is so, one short sentence a rule that spoke, in order. */
  readonly reasons: readonly string[]
}

/** The decision for one activation that is computed as 8-bit integers. */
export type ActivationPlan = {
  readonly tensor: string
  /** The values that the codes cover. */
  readonly min: number
  readonly max: number
  /** real = scale * (code - zeroPoint). */
  readonly scale: number
  readonly zeroPoint: number
  /**
   * The mean of each channel on the calibration data: biases make up for what rounded weights do to
   * it. Without them biases stay as they are.
   */
  readonly means?: readonly number[] | undefined
  /** What chose the range: a rule of calibration, or `edited`. */
  readonly rule: string
  readonly reason: string
}

/** How one operator runs: on integers, or in float and why. */
export type OperatorPlan = {
  readonly node: string
  readonly op: string
  readonly runs: 'integer' | 'float'
  readonly reason: string
}

/** All files of a package as it is and as planned, and the specification versions that they have. */
export type PackageSize = {
  readonly bytesBefore: number
  readonly bytes: number
  /** The most that it can be: how many values a mask keeps is known when the weight is encoded. */
  readonly isMost?: boolean | undefined
  readonly specBefore: number
  readonly spec: number
}

/** JSON of `mixbit plan`, and `plan.json` beside every output. Editable; fed back by `--plan`. */
export type Plan = {
  readonly schema: 'mixbit/plan@1'
  readonly model: string
  readonly target: Target
  /** What operations will run on, where that was said; of Core ML packages only. */
  readonly computeUnit?: ComputeUnit | undefined
  readonly preset: string | null
  readonly protect: boolean
  /** sha256 of the statistics that algorithms used; null without calibration. */
  readonly statistics: string | null
  readonly seed: number
  readonly layers: readonly LayerPlan[]
  /** Quantized activations; without it, none is. */
  readonly activations?: readonly ActivationPlan[] | undefined
  /** Operators that multiply weights or that could run on integers; only with `activations`. */
  readonly operators?: readonly OperatorPlan[] | undefined
  /** The processors that integer kernels were chosen for; only with `activations`. */
  readonly runtime?: RuntimeProfile | undefined
  /** Inputs and outputs of the model that are integers, with the scales of `activations`. */
  readonly io?:
    | { readonly inputs: readonly string[]; readonly outputs: readonly string[] }
    | undefined
  /** Exact bytes of codes, scales, zero points and float weights together. */
  readonly bytes: number
  /** The whole package before and after; of `mixbit plan` of a Core ML package only. */
  readonly package?: PackageSize | undefined
  readonly findings: readonly Finding[]
}
