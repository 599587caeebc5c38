import type { CodeRange } from '../kernels/kernels.ts'

/** Which processors the integer kernels of ONNX Runtime are chosen for. */
export const RUNTIME_PROFILES = ['x86-vnni', 'x86-legacy', 'arm64'] as const

export type RuntimeProfile = (typeof RUNTIME_PROFILES)[number]

/** What a processor family wants of static quantization. */
export type IntegerProfile = {
  /** Activations have a free zero point. */
  readonly activations: 'uint8' | 'int8'
  /** Codes of weights, symmetric around 0. */
  readonly weights: CodeRange
}

/**
 * `x86-legacy`: without VNNI two products of uint8 and int8 are added in 16 bits with saturation
 * (VPMADDUBSW), so weights have 7 bits: 255 * 64 * 2 fits. With VNNI, and on ARM, sums have 32 bits.
 *
 * @see https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html#data-type-selection
 */
export const INTEGER_PROFILES: Readonly<Record<RuntimeProfile, IntegerProfile>> = {
  'x86-vnni': { activations: 'uint8', weights: { qmin: -127, qmax: 127 } },
  'x86-legacy': { activations: 'uint8', weights: { qmin: -64, qmax: 64 } },
  arm64: { activations: 'int8', weights: { qmin: -127, qmax: 127 } },
}

/** The codes of an 8-bit activation. */
export const ACTIVATION_CODES: Readonly<Record<IntegerProfile['activations'], CodeRange>> = {
  uint8: { qmin: 0, qmax: 255 },
  int8: { qmin: -128, qmax: 127 },
}

/**
 * How an operator without weights runs on integers: `own` gives its output a scale of its own,
 * `same` only moves values, so that its inputs and outputs must have the same scale and zero point.
 */
export type PassedOn = 'own' | 'same'

/** An operator without weights that has an integer kernel; the first `inputs` are activations. */
export type LightOperator = { readonly scales: PassedOn; readonly inputs: 1 | 2 | 'all' }

/**
 * Operators of ai.onnx that ONNX Runtime 1.30 runs on integers between DequantizeLinear and
 * QuantizeLinear, read from its optimised graphs. Relu, Tanh, HardSwish, Gelu, linear Resize, Sub,
 * Div, LayerNormalization, ReduceMean and Pad stay float there.
 */
export const LIGHT_OPERATORS: Readonly<Record<string, LightOperator>> = {
  Add: { scales: 'own', inputs: 2 },
  Mul: { scales: 'own', inputs: 2 },
  Concat: { scales: 'own', inputs: 'all' },
  AveragePool: { scales: 'own', inputs: 1 },
  GlobalAveragePool: { scales: 'own', inputs: 1 },
  Sigmoid: { scales: 'own', inputs: 1 },
  LeakyRelu: { scales: 'own', inputs: 1 },
  MaxPool: { scales: 'same', inputs: 1 },
  Resize: { scales: 'same', inputs: 1 },
  Reshape: { scales: 'same', inputs: 1 },
  Flatten: { scales: 'same', inputs: 1 },
  Squeeze: { scales: 'same', inputs: 1 },
  Unsqueeze: { scales: 'same', inputs: 1 },
  Transpose: { scales: 'same', inputs: 1 },
  DepthToSpace: { scales: 'same', inputs: 1 },
  Split: { scales: 'same', inputs: 1 },
}
