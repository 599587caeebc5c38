import {
  addEnds,
  addToHistogram,
  EMPTY_ENDS,
  exponentFor,
  HALF_BINS,
  mergeEnds,
} from './histogram.ts'
import type { RangeHistogram, ValueEnds } from './kernels.ts'
import { CHUNK } from './pieces.ts'
import type { Arena } from './simd-arena.ts'

/** Fewer values than this are binned faster one by one than by clearing and adding up counters. */
const FEW_VALUES = 2048

/** Values binned before the counters, which are uint32, are added up. */
const MOST_VALUES = 2 ** 31

/** A chunk in the module's memory. */
type Loaded = {
  readonly ends: ValueEnds
  /** Whole vectors, the last one filled up with NaN. */
  readonly padded: number
}

/** `valueEnds` in SIMD. */
export function simdValueEnds(arena: Arena, x: Float32Array): ValueEnds {
  let ends = EMPTY_ENDS
  for (let start = 0; start < x.length; start += CHUNK) {
    ends = mergeEnds(ends, load(arena, x, start).ends)
  }
  return ends
}

/** `addToHistogram` in SIMD: the values pass once, chunk by chunk. */
export function simdAddToHistogram(
  arena: Arena,
  histogram: RangeHistogram,
  x: Float32Array,
): ValueEnds {
  if (x.length < FEW_VALUES) return addToHistogram(histogram, x)
  const { at } = arena
  let ends = EMPTY_ENDS
  let waiting = 0
  let notBinned = 0
  const flush = (): void => {
    addCounters(arena, histogram, notBinned)
    waiting = 0
    notBinned = 0
  }
  for (let start = 0; start < x.length; start += CHUNK) {
    const chunk = load(arena, x, start)
    ends = mergeEnds(ends, chunk.ends)
    // The counters are of bins as wide as before.
    if (exponentFor(chunk.ends) > histogram.exponent || waiting >= MOST_VALUES) flush()
    addEnds(histogram, chunk.ends)
    const zeroBin = at.bins + 16 * HALF_BINS
    arena.run('countBins', zeroBin, at.x, chunk.padded, 2 ** -histogram.exponent)
    waiting += chunk.padded
    notBinned += chunk.padded - chunk.ends.finite + chunk.ends.zeros
  }
  flush()
  return ends
}

function load(arena: Arena, x: Float32Array, start: number): Loaded {
  const { at } = arena
  const length = Math.min(CHUNK, x.length - start)
  const padded = (length + 7) & ~7
  const room = arena.floats(at.x, padded)
  room.set(x.subarray(start, start + length))
  room.fill(Number.NaN, length)
  arena.run('valueEnds', at.totals, at.x, padded)
  const [min = 0, max = 0] = arena.floats(at.totals, 2)
  const [zeros = 0, finite = 0] = arena.words(at.totals + 8, 2)
  const ends = { finite, notFinite: length - finite, zeros, min: min + 0, max: max + 0 }
  return { ends, padded }
}

/** Moves the counters of the module, less those in bin 0 that no bin holds, to the histogram. */
function addCounters(arena: Arena, histogram: RangeHistogram, notBinned: number): void {
  const { counts } = histogram
  const counters = arena.words(arena.at.bins, 8 * HALF_BINS)
  const binsPerUnit = 2 ** -histogram.exponent
  const first = HALF_BINS + ~Math.trunc(Math.max(0, -histogram.min) * binsPerUnit)
  const last = HALF_BINS + Math.trunc(Math.max(0, histogram.max) * binsPerUnit)
  for (let index = first; index <= last; index++) {
    const at = 4 * index
    const sum = counters[at]! + counters[at + 1]! + counters[at + 2]! + counters[at + 3]!
    counts[index] = counts[index]! + sum
  }
  counters.fill(0, 4 * first, 4 * last + 4)
  counts[HALF_BINS] = counts[HALF_BINS]! - notBinned
}
