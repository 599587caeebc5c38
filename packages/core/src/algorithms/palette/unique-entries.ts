import type { Vectors } from '../../kernels/first-entries.ts'
import { type StoredFloat, toStored } from './stored-float.ts'

/**
 * The distinct vectors as they are stored, ascending by component; null when there are more than
 * `most`. Vectors that are not finite are left out.
 *
 * @returns float32, shape (entries, size)
 */
export function uniqueEntries(
  { x, size, inner }: Vectors,
  most: number,
  dtype: StoredFloat,
): Float32Array | null {
  const entries = new Map<string | number, readonly number[]>()
  for (let i = 0; i < x.length / size; i++) {
    const start = i + Math.floor(i / inner) * inner * (size - 1)
    const value = x[start] ?? 0
    // Adding 0 makes -0 and 0 one entry.
    const vector =
      size === 1 ? [value] : Array.from({ length: size }, (_, c) => x[start + c * inner] ?? 0)
    if (!vector.every(Number.isFinite)) continue
    const stored = vector.map((component) => toStored(component, dtype) + 0)
    const key = size === 1 ? (stored[0] ?? 0) : stored.join(' ')
    if (entries.has(key)) continue
    if (entries.size === most) return null
    entries.set(key, stored)
  }
  return Float32Array.from([...entries.values()].toSorted(compare).flat())
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
