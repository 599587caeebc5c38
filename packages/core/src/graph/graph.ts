import type { DType } from '../tensor/dtype.ts'
import type { Weight } from '../tensor/weight.ts'

/** A dimension: a size, or the name of one that is known only at run time. */
export type Dimension = number | string

/** A named input or output with its type. */
export type Value = {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly Dimension[]
}

/** An attribute in ONNX's sense; the kind is spelled out because 1 and 1.0 differ. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }

/** One operator call. Semantics are those of ONNX at the graph's opset. */
export type Node = {
  readonly name: string
  readonly op: string
  /** '' is ai.onnx; 'com.microsoft' are ONNX Runtime's own. */
  readonly domain: string
  /** Value names; '' leaves out an optional input. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** A small tensor that belongs to the structure (shapes, axes, constants), never quantized. */
export type Constant = {
  readonly dtype: 'float32' | 'int64' | 'int32' | 'bool'
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/**
 * The meaning of a model part, with ONNX operator semantics. Activations are float32; a weight is
 * used as if it had been cast to float32 first, whatever its stored dtype.
 */
export type Graph = {
  readonly name: string
  readonly opset: number
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  /** In topological order. */
  readonly nodes: readonly Node[]
  readonly weights: ReadonlyMap<string, GraphWeight>
  readonly constants: ReadonlyMap<string, Constant>
}

/** A trained tensor of a graph, under the name by which nodes refer to it. */
export type GraphWeight = {
  /**
   * `<component>.<name without the component's checkpoint prefix>`: the layer's name in plans,
   * on the command line and in reports.
   */
  readonly layer: string
  readonly component: string
  readonly weight: Weight
}
