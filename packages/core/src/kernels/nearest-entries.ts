import { requireFit } from './fit.ts'
import { keyExponent, keyOf, KEYS } from './half-keys.ts'

/** Between the entries of a table: what lies above bound i is nearer to entry i + 1. */
export type TableBounds = {
  /** Float32, one an entry; the last is infinite. */
  readonly bounds: Float32Array
  /** By the key of a value: its index, or a lower one from which `bounds` lead to it. */
  readonly lowest: Uint8Array
  /** What values are multiplied with to find their key. */
  readonly factor: number
}

/**
 * The index of the nearest entry of a table, for each value: of two that are equally near the
 * first, and of equal entries the first. Infinity is at an end; NaN counts as 0.
 *
 * @param table - float32, 1 to 256 finite entries, ascending
 */
export function nearestEntries(indices: Uint8Array, x: Float32Array, table: Float32Array): void {
  requireFit(indices.length === x.length, `${x.length} values, ${indices.length} indices`)
  const { bounds, lowest, factor } = tableBounds(table, new Uint8Array(KEYS))
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!
    let index = lowest[keyOf(value, factor)]!
    while (value > bounds[index]!) index++
    indices[i] = index
  }
}

/**
 * What finds the nearest entry of `table`; most values need no comparison but the first.
 *
 * @param lowest - out: room for 65,536 bytes
 */
export function tableBounds(table: Float32Array, lowest: Uint8Array): TableBounds {
  requireTable(table)
  const last = table.length - 1
  const bounds = new Float32Array(table.length).fill(Infinity)
  for (let i = last - 1; i >= 0; i--) {
    // Of equal entries only the first is ever nearest.
    const isEqual = table[i] === table[i + 1]
    bounds[i] = isEqual ? bounds[i + 1]! : floatBelow((table[i]! + table[i + 1]!) / 2)
  }
  const factor = 2 ** keyExponent(Math.max(Math.abs(table[0]!), Math.abs(table[last]!)))
  let key = 0
  for (let i = 0; i < last; i++) {
    // Values with the key of a bound may lie on either side of it.
    const end = keyOf(bounds[i]!, factor) + 1
    if (end <= key) continue
    lowest.fill(i, key, end)
    key = end
  }
  lowest.fill(last, key)
  const ofNaN = keyOf(Number.NaN, 1)
  lowest[ofNaN] = zeroIndex(bounds)
  return { bounds, lowest, factor }
}

function zeroIndex(bounds: Float32Array): number {
  let index = 0
  while (bounds[index]! < 0) index++
  return index
}

/** The largest float32 that is not above `x`, so that no float32 lies between them. */
function floatBelow(x: number): number {
  const near = Math.fround(x)
  if (near <= x) return near
  const bits = new Uint32Array(Float32Array.of(near).buffer)
  bits[0] = near > 0 ? bits[0]! - 1 : bits[0]! + 1
  return new Float32Array(bits.buffer)[0]!
}

function requireTable(table: Float32Array): void {
  requireFit(table.length >= 1 && table.length <= 256, `a table of ${table.length} entries`)
  const isOrdered = table.every((entry, i) => entry >= (table[i - 1] ?? -Infinity))
  requireFit(isOrdered && table.every(Number.isFinite), 'a table that does not ascend')
}
