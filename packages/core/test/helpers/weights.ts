import { columnsOf, type Weight } from '../../src/tensor/weight.ts'

/** A float32 weight in memory, with stored rows as a file would give them. */
export function float32Weight(
  name: string,
  shape: readonly number[],
  values: readonly number[],
): Weight {
  const columns = columnsOf(shape)
  const rows = (start: number, end: number): Float32Array<ArrayBuffer> =>
    new Float32Array(values.slice(start * columns, end * columns))
  return {
    name,
    dtype: 'float32',
    shape,
    readRows: (start, end) => Promise.resolve(rows(start, end)),
    readStoredRows: (start, end) => Promise.resolve(new Uint8Array(rows(start, end).buffer)),
  }
}
