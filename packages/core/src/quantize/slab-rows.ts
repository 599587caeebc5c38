import type { CoremlForm } from '../formats/coreml/form-types.ts'
import { fittingRows } from '../kernels/value-chunk.ts'
import type { Scheme } from '../scheme/scheme.ts'
import { columnsOf, rowsOf } from '../tensor/weight.ts'

/** Codes of any width fill whole bytes after so many rows, so that slabs can be packed apart. */
const ROWS_OF_WHOLE_BYTES = 8

/**
 * Rows of a weight that are encoded at once: whole blocks along the first axis, about 2^21 values, or
 * all rows where a scale, a table or the choice of zeros spans them.
 */
export function slabRows(form: CoremlForm, scheme: Scheme, outputAxis: number): number {
  const rows = Math.max(1, rowsOf(form.shape))
  const columns = columnsOf(form.shape)
  switch (form.kind) {
    case 'float':
      return fittingRows(columns, ROWS_OF_WHOLE_BYTES)
    case 'affine':
      return blockRows(form.block[0] ?? rows, rows, columns)
    case 'palette':
      return outputAxis === 0 ? blockRows(tableRows(scheme, rows), rows, columns) : rows
    case 'sparse':
      return rows
  }
}

/** Rows whose tables are made together; with scales folded in, more than those that share a table. */
function tableRows(scheme: Scheme, rows: number): number {
  if (scheme.kind !== 'palette' || scheme.granularity.kind === 'per-tensor') return rows
  return scheme.granularity.kind === 'per-channel' ? 1 : scheme.granularity.blockSize
}

function blockRows(block: number, rows: number, columns: number): number {
  if (block >= rows) return rows
  return fittingRows(columns, leastCommonMultiple(block, ROWS_OF_WHOLE_BYTES))
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y !== 0) [x, y] = [y, x % y]
  return (a / x) * b
}
