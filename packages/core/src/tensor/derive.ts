import { BITS } from './dtype.ts'
import { columnsOf, elementsOf, rowsOf, type Weight } from './weight.ts'

/**
 * The same values in the same order under another shape. Its bytes are the source's bytes, so
 * stored rows can be read wherever the source can.
 */
export function reshaped(source: Weight, shape: readonly number[]): Weight {
  if (elementsOf(shape) !== elementsOf(source.shape)) {
    throw new TypeError(
      `"${source.name}" [${source.shape.join(', ')}] cannot become [${shape.join(', ')}].`,
    )
  }
  const sourceColumns = columnsOf(source.shape)
  const columns = columnsOf(shape)
  const { dtype, name, readStoredRows } = source
  const bytesPerValue = BITS[dtype] / 8
  /** The rows of the source that hold rows [start, end), and where in them these begin and end. */
  const covering = (
    start: number,
    end: number,
  ): Readonly<Record<'from' | 'to' | 'head' | 'tail', number>> => {
    const from = Math.floor((start * columns) / sourceColumns)
    const to = Math.ceil((end * columns) / sourceColumns)
    const skipped = from * sourceColumns
    return { from, to, head: start * columns - skipped, tail: end * columns - skipped }
  }
  const readRows: Weight['readRows'] = async (start, end) => {
    const { from, to, head, tail } = covering(start, end)
    return (await source.readRows(from, to)).slice(head, tail)
  }
  if (!readStoredRows) return { name, dtype, shape, readRows }
  return {
    name,
    dtype,
    shape,
    readRows,
    async readStoredRows(start, end) {
      const { from, to, head, tail } = covering(start, end)
      return (await readStoredRows(from, to)).subarray(head * bytesPerValue, tail * bytesPerValue)
    },
  }
}

/**
 * Moves the last axis of each row behind the first: a convolution weight of MLX, (out, height,
 * width, in), becomes one of ONNX and PyTorch, (out, in, height, width).
 */
export function channelsFirst(source: Weight): Weight {
  const [rows = 0, ...rest] = source.shape
  const channels = rest.at(-1) ?? 1
  const kernel = rest.slice(0, -1)
  const kernelSize = elementsOf(kernel)
  return {
    name: source.name,
    dtype: source.dtype,
    shape: [rows, channels, ...kernel],
    async readRows(start, end) {
      const values = await source.readRows(start, end)
      const moved = new Float32Array(values.length)
      for (let i = 0; i < values.length; i++) {
        const channel = i % channels
        const place = Math.floor(i / channels)
        const row = Math.floor(place / kernelSize)
        moved[(row * channels + channel) * kernelSize + (place % kernelSize)] = values[i] ?? 0
      }
      return moved
    },
  }
}

/** Rows [first, end) of a weight. */
export function rowSlice(source: Weight, first: number, end: number): Weight {
  if (!(0 <= first && first <= end && end <= rowsOf(source.shape))) {
    throw new TypeError(`"${source.name}" has no rows ${first} to ${end}.`)
  }
  const { name, dtype, readStoredRows } = source
  const sliced: Weight = {
    name,
    dtype,
    shape: [end - first, ...source.shape.slice(1)],
    readRows: (from, to) => source.readRows(first + from, first + to),
  }
  if (!readStoredRows) return sliced
  return { ...sliced, readStoredRows: (from, to) => readStoredRows(first + from, first + to) }
}
