import { drawVector, type Vectors } from '../../kernels/first-entries.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { refine, type Refined } from './lloyd.ts'

/** Passes after a swap, before it is judged. */
const PASSES = 4

/**
 * Moves entries of little use to vectors that are far from all entries, and keeps each move that takes
 * error off: where Lloyd's algorithm rests, a better place is often one such move away.
 *
 * Fränti, "Efficiency of random swap clustering", 2018. https://doi.org/10.1186/s40537-018-0122-y
 *
 * @param swaps - how many are tried
 * @param random - uniform numbers from 0 to below 1
 */
export function swapEntries(
  kernels: Kernels,
  vectors: Vectors,
  start: Refined,
  { swaps, random }: { readonly swaps: number; readonly random: () => number },
): Refined {
  const { x, size, inner } = vectors
  const indices = new Uint8Array(x.length / size)
  const distances = new Float64Array(indices.length)
  let best = start
  let sparable: readonly number[] = []
  let failures = 0
  for (let swap = 0; swap < swaps; swap++) {
    if (failures === 0) {
      kernels.nearestVectors(indices, x, best.table, { size, inner })
      writeDistances(distances, vectors, best.table, indices)
      sparable = byUse(best.table, size, entryWeights(vectors, best.table, indices))
    }
    const removed = sparable[failures % Math.ceil(sparable.length / 2)] ?? 0
    const table = best.table.slice()
    const at = drawVector(distances, random())
    for (let c = 0; c < size; c++) table[removed * size + c] = x[c * inner + at] ?? 0
    const swapped = refine(kernels, vectors, table, PASSES)
    failures = swapped.error < best.error ? 0 : failures + 1
    if (failures === 0) best = swapped
  }
  return best
}

/** Weighted squared distances of the vectors to their entries; 0 for one that is not finite. */
function writeDistances(
  out: Float64Array,
  { x, weights, size, inner }: Vectors,
  table: Float32Array,
  indices: Uint8Array,
): void {
  for (let i = 0; i < out.length; i++) {
    let sum = 0
    for (let c = 0; c < size; c++) {
      sum += ((x[c * inner + i] ?? 0) - (table[(indices[i] ?? 0) * size + c] ?? 0)) ** 2
    }
    out[i] = sum < Infinity ? sum * (weights?.[i] ?? 1) : 0
  }
}

/** How much the vectors of each entry weigh. */
function entryWeights(
  { weights, size }: Vectors,
  table: Float32Array,
  indices: Uint8Array,
): Float64Array {
  const out = new Float64Array(table.length / size)
  for (const [i, index] of indices.entries()) out[index] = (out[index] ?? 0) + (weights?.[i] ?? 1)
  return out
}

/** Entries, the one first whose vectors would be the least farther from the entry next to it. */
function byUse(table: Float32Array, size: number, weights: Float64Array): readonly number[] {
  const uses = Array.from(weights, (weight, entry) => weight * nearestOther(table, size, entry))
  return [...uses.keys()].toSorted((a, b) => (uses[a] ?? 0) - (uses[b] ?? 0) || a - b)
}

/** The squared distance from an entry to the next one. */
function nearestOther(table: Float32Array, size: number, entry: number): number {
  let nearest = Infinity
  for (let other = 0; other < table.length / size; other++) {
    if (other === entry) continue
    let sum = 0
    for (let c = 0; c < size; c++) {
      sum += ((table[entry * size + c] ?? 0) - (table[other * size + c] ?? 0)) ** 2
    }
    nearest = Math.min(nearest, sum)
  }
  return nearest
}
