/**
 * Which input of an operator is its trained weight, and which axes of that weight are its output
 * and input channels. Knows names only, no graph.
 */
export type WeightInput = {
  readonly kind: 'conv' | 'matmul' | 'gather'
  /** Index of the weight among the operator's inputs. */
  readonly input: number
  readonly outputAxis: number
  readonly inputAxis: number
  /** Index of the activation that the weight's input channels multiply; null for lookups. */
  readonly activation: number | null
  /** Axis of that activation that holds the input channels; negative counts from the end. */
  readonly activationAxis: number
}

/**
 * Weighted operators of ai.onnx. A Gather's table has one row a token: its rows are its output
 * channels.
 *
 * @see https://onnx.ai/onnx/operators/
 */
export const WEIGHT_INPUTS: Readonly<Record<string, WeightInput>> = {
  Conv: { kind: 'conv', input: 1, outputAxis: 0, inputAxis: 1, activation: 0, activationAxis: 1 },
  MatMul: {
    kind: 'matmul',
    input: 1,
    outputAxis: 1,
    inputAxis: 0,
    activation: 0,
    activationAxis: -1,
  },
  Gather: {
    kind: 'gather',
    input: 0,
    outputAxis: 0,
    inputAxis: 1,
    activation: null,
    activationAxis: -1,
  },
}
