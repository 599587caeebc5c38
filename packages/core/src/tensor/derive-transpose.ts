import type { Weight } from './weight.ts'
import { columnsOf, elementsOf, rowsOf } from './weight.ts'

/** Values of the result that are kept at a time: 64 MiB. Each band reads the whole source once. */
const BAND_VALUES = 2 ** 24

/** Values of the source that are read at a time: 8 MiB. */
const READ_VALUES = 2 ** 21

type Band = { readonly start: number; readonly end: number; readonly values: Float32Array }

/**
 * The same values with the first two axes exchanged: [K, N] becomes [N, K], and the weight of a
 * transposed convolution, (in, out, height, width), becomes (out, in, height, width).
 *
 * Read from the first row to the last, it reads the source once for each 64 MiB of result.
 */
export function swapFirstAxes(source: Weight): Weight {
  const [inputs = 1, outputs = 1, ...rest] = source.shape
  const inner = elementsOf(rest)
  const shape = [outputs, inputs, ...rest]
  const columns = columnsOf(shape)
  const bandRows = Math.max(1, Math.floor(BAND_VALUES / Math.max(1, columns)))
  let band: Band | undefined
  const bandFor = async (row: number): Promise<Band> => {
    if (band !== undefined && row >= band.start && row < band.end) return band
    const end = Math.min(outputs, row + bandRows)
    band = { start: row, end, values: await readBand(source, row, end, inner) }
    return band
  }
  return {
    name: source.name,
    dtype: source.dtype,
    shape,
    async readRows(start, end) {
      const values = new Float32Array((end - start) * columns)
      for (let row = start; row < end;) {
        const from = await bandFor(row)
        const last = Math.min(end, from.end)
        const part = from.values.subarray(
          (row - from.start) * columns,
          (last - from.start) * columns,
        )
        values.set(part, (row - start) * columns)
        row = last
      }
      if (end >= rowsOf(shape)) band = undefined
      return values
    },
  }
}

/** Rows [start, end) of the exchanged weight, from one pass over the source. */
async function readBand(
  source: Weight,
  start: number,
  end: number,
  inner: number,
): Promise<Float32Array> {
  const [inputs = 1, outputs = 1] = source.shape
  const values = new Float32Array((end - start) * inputs * inner)
  const step = Math.max(1, Math.floor(READ_VALUES / Math.max(1, outputs * inner)))
  for (let first = 0; first < inputs; first += step) {
    const last = Math.min(inputs, first + step)
    const rows = await source.readRows(first, last)
    for (let input = first; input < last; input++) {
      for (let output = start; output < end; output++) {
        const from = ((input - first) * outputs + output) * inner
        const to = ((output - start) * inputs + input) * inner
        for (let k = 0; k < inner; k++) values[to + k] = rows[from + k] ?? 0
      }
    }
  }
  return values
}
