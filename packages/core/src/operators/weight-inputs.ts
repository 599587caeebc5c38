/**
 * Which input of an operator is its trained weight, and which axes of that weight are its output
 * and input channels. Knows names only, no graph.
 */
export type WeightInput = {
  readonly kind: 'conv' | 'matmul' | 'matrix' | 'gather'
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
export const WEIGHT_INPUTS: Readonly<Record<string, readonly WeightInput[]>> = {
  Conv: [conv(1)],
  // Stored as (in, out / groups, ...); seen with its first axes exchanged.
  ConvTranspose: [conv(1)],
  MatMul: [
    { kind: 'matmul', input: 1, outputAxis: 1, inputAxis: 0, activation: 0, activationAxis: -1 },
    { kind: 'matrix', input: 0, outputAxis: 0, inputAxis: 1, activation: null, activationAxis: -2 },
  ],
  Gather: [
    { kind: 'gather', input: 0, outputAxis: 0, inputAxis: 1, activation: null, activationAxis: -1 },
  ],
  // Input and recurrent weights, (directions, gates, inputs); seen as one matrix.
  LSTM: [matrix(1), matrix(2)],
  GRU: [matrix(1), matrix(2)],
  RNN: [matrix(1), matrix(2)],
}

function conv(input: number): WeightInput {
  return { kind: 'conv', input, outputAxis: 0, inputAxis: 1, activation: 0, activationAxis: 1 }
}

function matrix(input: number): WeightInput {
  return {
    kind: 'matrix',
    input,
    outputAxis: 0,
    inputAxis: 1,
    activation: null,
    activationAxis: -1,
  }
}
