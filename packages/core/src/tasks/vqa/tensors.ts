import { ensure, MixbitError } from '../../base/error.ts'
import type { RuntimeTensor } from '../../base/host.ts'

/** The values of a float32 tensor of the model runtime; any other dtype is refused. */
export function floatData(tensor: RuntimeTensor | undefined, name: string): Float32Array {
  ensure(tensor !== undefined, 'unsupported-model', `The model gives no output "${name}".`, {
    name,
  })
  if (tensor.dtype === 'float32' && tensor.data instanceof Float32Array) return tensor.data
  throw new MixbitError(
    'unsupported-dtype',
    `The model gives "${name}" as ${tensor.dtype}; float32 is needed. Export it with float32 inputs and outputs.`,
    { name, dtype: tensor.dtype },
  )
}

/** A row vector (1, n) of whole numbers, as models take token ids, masks and positions. */
export function int64Row(values: readonly number[]): RuntimeTensor {
  return { dtype: 'int64', shape: [1, values.length], data: BigInt64Array.from(values, BigInt) }
}

/**
 * The position of the largest value; the lowest position of equal ones. NaN is never the largest;
 * -1 when there is nothing else.
 */
export function largestPosition(values: Float32Array): number {
  let best = -1
  let bestValue = Number.NEGATIVE_INFINITY
  for (let position = 0; position < values.length; position++) {
    const value = values[position] ?? Number.NaN
    if (value > bestValue || (best < 0 && value === bestValue)) {
      best = position
      bestValue = value
    }
  }
  return best
}
