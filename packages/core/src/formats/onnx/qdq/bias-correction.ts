import type { CodeRange } from '../../../kernels/kernels.ts'
import { roundHalfToEven } from '../../../tensor/rounding.ts'
import { columnsOf, elementsOf, rowsOf } from '../../../tensor/weight.ts'
import type { StoredTensor } from '../stored-tensor.ts'

/** Values that are read at a time: 8 MiB. */
const READ_VALUES = 2 ** 21

/**
 * What rounding a weight takes from the mean of each output channel: the sum over the inputs of
 * (w - rounded w) times the input's mean. Added to the bias, the mean comes back.
 *
 * Convolutions see zeros beyond the edges, which this leaves out of account.
 *
 * @param means - of each input channel; a grouped convolution's weight has those of one group a row
 * @see https://arxiv.org/abs/1906.04721, section 4.2 (bias correction from data)
 */
export async function roundingShift(
  weight: StoredTensor,
  axis: number,
  rounding: {
    readonly means: readonly number[]
    readonly scales: Float32Array
    readonly codes: CodeRange
  },
): Promise<Float64Array> {
  const { means, scales, codes } = rounding
  const rows = rowsOf(weight.shape)
  const columns = columnsOf(weight.shape)
  const shift = new Float64Array(scales.length)
  const inputs = axis === 0 ? (weight.shape[1] ?? 1) : rows
  const kernel = elementsOf(weight.shape.slice(2))
  const groups = axis === 0 ? means.length / inputs : 1
  if (!Number.isInteger(groups) || means.length !== inputs * groups) return shift
  const step = Math.max(1, Math.floor(READ_VALUES / Math.max(1, columns)))
  for (let start = 0; start < rows; start += step) {
    const values = await weight.readRows(start, Math.min(rows, start + step))
    let at = 0
    for (let row = start; at < values.length; row++) {
      // A row of a grouped convolution sees the input channels of its group.
      const first = axis === 0 ? Math.floor((row * groups) / rows) * inputs : 0
      for (let column = 0; column < columns; column++, at++) {
        const channel = axis === 0 ? row : column
        const input = axis === 0 ? first + Math.floor(column / kernel) : row
        const lost = (values[at] ?? 0) - rounded(values[at] ?? 0, scales[channel] ?? NaN, codes)
        shift[channel] = (shift[channel] ?? 0) + lost * (means[input] ?? 0)
      }
    }
  }
  return shift
}

function rounded(value: number, scale: number, { qmin, qmax }: CodeRange): number {
  return Math.max(qmin, Math.min(qmax, roundHalfToEven(Math.fround(value / scale)))) * scale
}
