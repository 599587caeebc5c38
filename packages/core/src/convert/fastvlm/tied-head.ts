import { rowsOf, columnsOf, type Weight } from '../../tensor/weight.ts'

/** Enough for few reads, small beside a model. */
const CHUNK_BYTES = 4_000_000

/**
 * Whether two tensors hold the same values: same dtype, shape and stored bytes. Released
 * checkpoints store a copy of the token table as output head although the two are one.
 */
export async function areIdentical(a: Weight, b: Weight): Promise<boolean> {
  if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) return false
  if (a.shape.some((size, axis) => size !== b.shape[axis])) return false
  const rows = rowsOf(a.shape)
  const step = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, columnsOf(a.shape) * 4)))
  for (let start = 0; start < rows; start += step) {
    const end = Math.min(rows, start + step)
    const [left, right] = await Promise.all([bytesOf(a, start, end), bytesOf(b, start, end)])
    if (!areEqual(left, right)) return false
  }
  return true
}

async function bytesOf(weight: Weight, start: number, end: number): Promise<Uint8Array> {
  if (weight.readStoredRows) return weight.readStoredRows(start, end)
  return new Uint8Array((await weight.readRows(start, end)).buffer)
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
