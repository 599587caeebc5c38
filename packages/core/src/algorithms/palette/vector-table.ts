import { seededRandom } from '../../base/seeded-random.ts'
import { firstEntries, type Vectors } from '../../kernels/first-entries.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { sampleVectors } from '../../kernels/sample-vectors.ts'
import type { PaletteBits } from '../../scheme/scheme.ts'
import { refine, type Refined } from './lloyd.ts'
import { moderateFactor, vectorsBy } from './moderate-vectors.ts'
import { type StoredFloat, toStored } from './stored-float.ts'
import { swapEntries } from './swap-entries.ts'

/** Any fixed number: the same weights give the same table. */
const SEED = 0x6d697862

/** Vectors of the sample from which the entries are first made, for each entry and at least. */
const SAMPLE_PER_ENTRY = 128
const SMALLEST_SAMPLE = 16384

/** Starts on the sample: about so many entries in all, and at least so many starts. */
const ENTRIES_STARTED = 128
const FEWEST_STARTS = 2

/** Swaps that are tried after the starts: at most so many, and so many distances a pass in all. */
const MOST_SWAPS = 48
const SWAP_DISTANCES = 2 ** 24

/** Most passes over the sample and over all vectors; what stops them before is the gain. */
const SAMPLE_PASSES = 60
const PASSES = 40

/**
 * The 2^bits entries of a table of vectors, as they are stored: k-means++, Lloyd's algorithm and swaps on
 * a sample, then Lloyd's algorithm on all vectors until a pass gains next to nothing.
 *
 * Deterministic: the sample is spread evenly, random numbers are seeded, sums are in the order of
 * the array. Entries that are not needed repeat the last one. Vectors that are not finite count
 * for nothing.
 *
 * @returns float32, shape (2^bits, size)
 */
export function vectorTable(
  kernels: Kernels,
  given: Vectors,
  bits: PaletteBits,
  dtype: StoredFloat,
): Float32Array {
  const entries = 2 ** bits
  const factor = moderateFactor(kernels, given.x)
  const vectors = vectorsBy(given, factor)
  const sample = sampleVectors(vectors, Math.max(SMALLEST_SAMPLE, SAMPLE_PER_ENTRY * entries))
  const ofSample = bestOfStarts(kernels, sample, entries)
  const isWhole = sample.x.length === vectors.x.length || ofSample.length === 0
  const found = isWhole ? ofSample : refine(kernels, vectors, ofSample, PASSES).table
  const table = new Float32Array(entries * vectors.size)
  for (let i = 0; i < table.length; i++) {
    const last = found[found.length - vectors.size + (i % vectors.size)] ?? 0
    table[i] = toStored((found[i] ?? last) / factor, dtype)
  }
  return table
}

/** Several starts end in several places: the best of them, fewer when there are many entries. */
function bestOfStarts(kernels: Kernels, sample: Vectors, entries: number): Float32Array {
  const random = seededRandom(SEED)
  let best: Refined = { table: new Float32Array(0), error: Infinity }
  for (let start = 0; start < Math.max(FEWEST_STARTS, ENTRIES_STARTED / entries); start++) {
    const first = firstEntries(sample, entries, random)
    if (first.length === 0) break
    const refined = refine(kernels, sample, first, SAMPLE_PASSES)
    if (refined.error < best.error) best = refined
  }
  if (best.table.length === 0) return best.table
  const swaps = Math.min(MOST_SWAPS, Math.floor(SWAP_DISTANCES / (sample.inner * entries)))
  return swapEntries(kernels, sample, best, { swaps, random }).table
}
