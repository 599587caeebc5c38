import { requireFit } from './fit.ts'

/**
 * The entries of a table that indices name; NaN beyond the table.
 *
 * @param table - float32, up to 256 entries
 */
export function lookUp(out: Float32Array, indices: Uint8Array, table: Float32Array): void {
  requireFit(out.length === indices.length, `${indices.length} indices, ${out.length} values`)
  requireFit(table.length <= 256, `a table of ${table.length} entries`)
  for (let i = 0; i < indices.length; i++) out[i] = table[indices[i]!]!
}
