import type { Finding } from '../base/finding.ts'
import type { CoremlUse } from '../formats/coreml/document.ts'
import type { PackageInterface } from '../formats/coreml/package-interface.ts'
import type { WeightRole } from '../operators/weight-role.ts'
import type { DType } from '../tensor/dtype.ts'

/** Facts of one weight, from its operator and (after a scan) its values. */
export type WeightFacts = {
  readonly layer: string
  readonly component: string
  readonly role: WeightRole
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly elements: number
  /** Bytes as stored in the input. */
  readonly bytes: number
  /** Axis with one slice per output channel, and axis of input channels; null for vectors. */
  readonly outputAxis: number | null
  readonly inputAxis: number | null
  /** In the stem, or the last weighted operator before an output (DESIGN: default protection). */
  readonly position: 'stem' | 'last' | 'inner'
  /** Why it can only stay float, in words; absent when it can be quantized. */
  readonly whyFloat?: string
  /** How it lies in the file today; of Core ML packages only. */
  readonly stored?: StoredFacts
  readonly scan: WeightScan | null
}

/** How a weight of a package is stored and used. */
export type StoredFacts = {
  /** As precision names are written where one fits: `fp16`, `int8/channel`, `palette4`. */
  readonly precision: string
  /** Operations that hold it, in program order: `const`, or a chain of `constexpr_` operations. */
  readonly ops: readonly string[]
  /** What its operators compute in. */
  readonly computes: 'float16' | 'float32'
  /** Not as plain floats. */
  readonly isCompressed: boolean
  /** Signed int8 where GPU and Neural Engine read only unsigned codes right. */
  readonly hasSignedCodes: boolean
  /** Types of the operations that read it, in program order, each once. */
  readonly usedBy: readonly string[]
  /** Every place that reads it, in program order. */
  readonly uses?: readonly CoremlUse[]
  /** Who decided about the axes, where its operations want different ones, in words. */
  readonly disagreement?: string
}

/** What one pass over the values of a weight finds. */
export type WeightScan = {
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly standardDeviation: number
  readonly notFinite: number
  readonly zeros: number
  /** Smallest non-zero largest magnitude of a run of 16 values in a row; null when all are zero. */
  readonly smallestGroup: number | null
}

export type ComponentFacts = {
  readonly parameters: number
  readonly bytes: number
  readonly layers: number
  /** Calls of each operator, the most frequent first. */
  readonly operators?: Readonly<Record<string, number>>
  /**
   * Multiply-accumulates for a batch of one; null when sizes are known at run time only. Of ONNX graphs
   * only.
   */
  readonly macs?: number | null
  /** Values between operators that are stored as integers of 8 bits; of Core ML packages only. */
  readonly int8Activations?: number
}

/** What is in a model. JSON of `mixbit audit`. */
export type Audit = {
  readonly schema: 'mixbit/audit@1'
  readonly format: string
  readonly model: string
  readonly bytes: number
  readonly parameters: number
  readonly components: Readonly<Record<string, ComponentFacts>>
  /** Versions, functions, inputs and outputs, and what its author says; of Core ML packages only. */
  readonly package?: PackageInterface
  readonly weights: readonly WeightFacts[]
  readonly findings: readonly Finding[]
}
