import { type GraphBuilder, int } from '../../graph/builder.ts'

/** Values of shape (batch, 1, sequence, head size / 2). */
export type RotaryTables = { readonly cos: string; readonly sin: string }

/**
 * Cosine and sine of position * theta^(-2i / head size).
 *
 * Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021.
 * https://arxiv.org/abs/2104.09864
 *
 * @param positions - int64, shape (batch, sequence)
 */
export function rotaryTables(
  graph: GraphBuilder,
  positions: string,
  config: { readonly headDim: number; readonly ropeTheta: number },
): RotaryTables {
  const at = 'rotary'
  const frequencies = inverseFrequencies(config.headDim, config.ropeTheta)
  const table = graph.floats([1, 1, 1, frequencies.length], frequencies)
  const axes = graph.integers([1, 3])
  const floats = graph.call('Cast', [positions], { at, attributes: { to: int(FLOAT) } })
  const columns = graph.call('Unsqueeze', [floats, axes], { at })
  const angles = graph.call('Mul', [columns, table], { at })
  return {
    cos: graph.call('Cos', [angles], { at }),
    sin: graph.call('Sin', [angles], { at }),
  }
}

/**
 * Rotates the pairs (x[i], x[i + head size / 2]) by their angles.
 *
 * @param x - shape (batch, heads, sequence, head size)
 */
export function rotate(
  graph: GraphBuilder,
  x: string,
  { cos, sin }: RotaryTables,
  at: string,
): string {
  const [a = '', b = ''] = graph.callMany('Split', [x], 2, {
    at,
    attributes: { axis: int(-1), num_outputs: int(2) },
  })
  const multiply = (left: string, right: string): string => graph.call('Mul', [left, right], { at })
  const first = graph.call('Sub', [multiply(a, cos), multiply(b, sin)], { at })
  const second = graph.call('Add', [multiply(b, cos), multiply(a, sin)], { at })
  return graph.call('Concat', [first, second], { at, attributes: { axis: int(-1) } })
}

/** TensorProto.DataType. */
const FLOAT = 1

/**
 * 1 / theta^(2i / head size), each step rounded to float32 as the model's own code does: at
 * position 8,000 the last bit of a frequency is already half a thousandth of a radian.
 */
function inverseFrequencies(headDim: number, theta: number): readonly number[] {
  return Array.from({ length: headDim / 2 }, (_, i) =>
    Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / headDim))),
  )
}
