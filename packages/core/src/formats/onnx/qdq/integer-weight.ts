import type { CodeRange } from '../../../kernels/kernels.ts'
import { roundHalfToEven } from '../../../tensor/rounding.ts'
import { columnsOf, rowsOf } from '../../../tensor/weight.ts'
import type { StoredTensor } from '../stored-tensor.ts'
import { computedTensor } from './derived-tensor.ts'

/** Values that are read at a time: 8 MiB. */
const READ_VALUES = 2 ** 21

/** Accumulators have 32 bits; a bias may fill half of them. */
const LARGEST_BIAS = 2 ** 30

/** The smallest normal float32. */
const SMALLEST_SCALE = 2 ** -126

/** A bias that is added to the products of an activation with this scale. */
export type ScaledBias = { readonly inputScale: number; readonly bias: Float32Array }

/**
 * One scale an output channel, so that the largest magnitude of the channel has the largest code.
 *
 * A channel without any weight, or one whose bias is so much larger than its weights that it would
 * leave 32 bits, takes its scale from the bias.
 *
 * @param axis - 0, or 1 for a matrix with one column an output channel
 * @param biases - what every reader of the weight adds
 */
export async function channelScales(
  weight: StoredTensor,
  axis: number,
  codes: CodeRange,
  biases: readonly ScaledBias[],
): Promise<Float32Array<ArrayBuffer>> {
  const largest = await channelMaxima(weight, axis)
  return largest.map((max, channel) => {
    const scale = Math.fround(max / codes.qmax)
    const needed = Math.max(0, ...biases.map((each) => scaleForBias(each, channel)))
    const least = max === 0 && needed === 0 ? 1 : Math.max(SMALLEST_SCALE, needed)
    return Math.max(scale, Math.fround(least))
  })
}

function scaleForBias({ inputScale, bias }: ScaledBias, channel: number): number {
  return Math.abs(bias[channel] ?? 0) / (inputScale * LARGEST_BIAS)
}

async function channelMaxima(
  weight: StoredTensor,
  axis: number,
): Promise<Float32Array<ArrayBuffer>> {
  const rows = rowsOf(weight.shape)
  const columns = columnsOf(weight.shape)
  const largest = new Float32Array(axis === 0 ? rows : columns)
  const step = Math.max(1, Math.floor(READ_VALUES / Math.max(1, columns)))
  for (let start = 0; start < rows; start += step) {
    const values = await weight.readRows(start, Math.min(rows, start + step))
    let at = 0
    for (let row = start; at < values.length; row++) {
      for (let column = 0; column < columns; column++, at++) {
        const channel = axis === 0 ? row : column
        const size = Math.abs(values[at] ?? 0)
        if (size > (largest[channel] ?? 0)) largest[channel] = size
      }
    }
  }
  return largest
}

/** The codes of a weight as a tensor of its own: `clamp(round(x / scale))` as QuantizeLinear does. */
export function integerWeight(
  weight: StoredTensor,
  name: string,
  axis: number,
  scales: Float32Array,
  { qmin, qmax }: CodeRange,
): StoredTensor {
  const columns = columnsOf(weight.shape)
  return computedTensor(weight, { name, dtype: 'int8' }, (values, start) => {
    const codes = new Int8Array(values.length)
    let at = 0
    for (let row = start; at < values.length; row++) {
      for (let column = 0; column < columns; column++, at++) {
        const scale = scales[axis === 0 ? row : column] ?? NaN
        const code = roundHalfToEven(Math.fround((values[at] ?? 0) / scale))
        codes[at] = Math.max(qmin, Math.min(qmax, code))
      }
    }
    return codes
  })
}

/** A bias in the unit of the products, which the runtime adds to its sums: scale = sx * sw. */
export function integerBias(
  { inputScale, bias }: ScaledBias,
  weightScales: Float32Array,
): { readonly codes: Int32Array; readonly scales: Float32Array } {
  const scales = weightScales.map((scale) => Math.fround(scale * inputScale))
  const codes = Int32Array.from(bias, (value, channel) =>
    roundHalfToEven(value / (scales[channel] ?? NaN)),
  )
  return { codes, scales }
}
