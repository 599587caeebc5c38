import type { PaletteBits } from '../scheme/scheme.ts'
import { requirePacked } from './bit-stream.ts'
import { requireWeights, weighedEnds } from './distinct-values.ts'
import { requireFit } from './fit.ts'
import { KEYS } from './half-keys.ts'
import { simdValueEnds } from './histogram-simd.ts'
import { tableBounds } from './nearest-entries.ts'
import { requireEntries, requireVectors } from './nearest-vectors.ts'
import type { DistinctValues, PaletteKernels, VectorSpec } from './palette-kernels.ts'
import { CHUNK } from './pieces.ts'
import type { Arena } from './simd-arena.ts'
import { simdClusterSorted } from './simd-cluster.ts'

/** The SIMD twins of the kernels of palettes and sparsity. */
export function simdPaletteKernels(arena: Arena): PaletteKernels {
  return {
    packBits: (out, values, bits) => packBits(arena, out, values, bits),
    unpackBits: (values, packed, bits) => unpackBits(arena, values, packed, bits),
    distinctValues: (x, exponent, weights) => distinctValues(arena, x, exponent, weights),
    clusterSorted: (ends, weight, sum) => simdClusterSorted(arena, ends, weight, sum),
    nearestEntries: (indices, x, table) => nearestEntries(arena, indices, x, table),
    lookUp: (out, indices, table) => lookUp(arena, out, indices, table),
    nearestVectors: (indices, x, table, spec) => nearestVectors(arena, indices, x, table, spec),
  }
}

function packBits(arena: Arena, out: Uint8Array, values: Uint8Array, bits: PaletteBits): void {
  requirePacked(out.length, values.length, bits)
  if (bits === 8) {
    out.set(values)
    return
  }
  const { at } = arena
  for (let start = 0; start < values.length; start += CHUNK) {
    const length = Math.min(CHUNK, values.length - start)
    const room = arena.bytes(at.x, length + 15)
    room.set(values.subarray(start, start + length))
    room.fill(0, length)
    arena.run('packBits', at.out, at.x, length, bits)
    // A chunk is a multiple of 8 values, so each starts at a whole byte.
    out.set(arena.bytes(at.out, Math.ceil((length * bits) / 8)), (start * bits) / 8)
  }
}

function unpackBits(arena: Arena, values: Uint8Array, packed: Uint8Array, bits: PaletteBits): void {
  requirePacked(packed.length, values.length, bits)
  if (bits === 8) {
    values.set(packed)
    return
  }
  const { at } = arena
  for (let start = 0; start < values.length; start += CHUNK) {
    const length = Math.min(CHUNK, values.length - start)
    const from = (start * bits) / 8
    const bytes = packed.subarray(from, from + Math.ceil((length * bits) / 8))
    arena.bytes(at.x, bytes.length).set(bytes)
    arena.run('unpackBits', at.out, at.x, length, bits)
    values.set(arena.bytes(at.out, length), start)
  }
}

function distinctValues(
  arena: Arena,
  x: Float32Array,
  exponent: number,
  weights: Float32Array | undefined,
): DistinctValues {
  requireWeights(x, weights)
  const { at } = arena
  const totals = [at.keyWeights, at.keySums, at.keyFlags] as const
  for (let start = 0; start < x.length; start += CHUNK) {
    const length = Math.min(CHUNK, x.length - start)
    const padded = loadPadded(arena, x, start, length)
    if (weights !== undefined) {
      arena.floats(at.weights, length).set(weights.subarray(start, start + length))
    }
    const weightsAt = weights === undefined ? 0 : at.weights
    arena.run('addDistinct', ...totals, at.x, weightsAt, padded, 2 ** exponent)
  }
  const count = arena.run('gatherDistinct', at.keys, at.out, at.sums, ...totals)
  return {
    exponent,
    keys: arena.halves(at.keys, count).slice(),
    weight: arena.doubles(at.out, count).slice(),
    sum: arena.doubles(at.sums, count).slice(),
    ...endsOf(arena, x, weights),
  }
}

function endsOf(
  arena: Arena,
  x: Float32Array,
  weights: Float32Array | undefined,
): Pick<DistinctValues, 'low' | 'high'> {
  if (weights !== undefined) return weighedEnds(x, weights)
  const { min, max } = simdValueEnds(arena, x)
  return { low: min, high: max }
}

function nearestEntries(
  arena: Arena,
  indices: Uint8Array,
  x: Float32Array,
  table: Float32Array,
): void {
  requireFit(indices.length === x.length, `${x.length} values, ${indices.length} indices`)
  const { at } = arena
  const { bounds, factor } = tableBounds(table, arena.bytes(at.lowest, KEYS))
  arena.floats(at.candidates, bounds.length).set(bounds)
  for (let start = 0; start < x.length; start += CHUNK) {
    const length = Math.min(CHUNK, x.length - start)
    const padded = loadPadded(arena, x, start, length)
    arena.run('nearestEntries', at.out, at.x, at.candidates, at.lowest, padded, factor)
    indices.set(arena.bytes(at.out, length), start)
  }
}

function lookUp(arena: Arena, out: Float32Array, indices: Uint8Array, table: Float32Array): void {
  requireFit(out.length === indices.length, `${indices.length} indices, ${out.length} values`)
  requireFit(table.length <= 256, `a table of ${table.length} entries`)
  const { at } = arena
  const entries = arena.floats(at.candidates, 256)
  entries.set(table)
  entries.fill(Number.NaN, table.length)
  for (let start = 0; start < indices.length; start += CHUNK) {
    const length = Math.min(CHUNK, indices.length - start)
    arena.bytes(at.x, length).set(indices.subarray(start, start + length))
    arena.run('lookUp', at.out, at.x, at.candidates, length)
    out.set(arena.floats(at.out, length), start)
  }
}

function nearestVectors(
  arena: Arena,
  indices: Uint8Array,
  x: Float32Array,
  table: Float32Array,
  { size, inner }: VectorSpec,
): void {
  requireVectors(x, { size, inner })
  requireFit(indices.length * size === x.length, `${x.length} values, ${indices.length} indices`)
  requireEntries(table, size)
  const { at } = arena
  arena.floats(at.scale, table.length).set(table)
  const rows = indices.length / inner
  // Whole rows when they fit in memory, else a part of one row.
  const rowsAtOnce = Math.max(1, Math.floor(CHUNK / (size * inner)))
  const step = Math.min(inner, Math.max(1, Math.floor(CHUNK / size)))
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - row)
    for (let start = 0; start < inner; start += step) {
      const length = Math.min(step, inner - start)
      const from = row * size * inner + start
      loadPlanes(arena, x, from, inner, { size: count * size, length })
      const shape = [table.length / size, size, length, count] as const
      arena.run('nearestVectors', at.out, at.x, at.scale, ...shape)
      indices.set(arena.bytes(at.out, count * length), row * inner + start)
    }
  }
}

/** Puts `size` lines of values, `inner` apart, one after another. */
function loadPlanes(
  arena: Arena,
  x: Float32Array,
  from: number,
  inner: number,
  { size, length }: { readonly size: number; readonly length: number },
): void {
  if (length === inner) {
    arena.floats(arena.at.x, size * length).set(x.subarray(from, from + size * length))
    return
  }
  for (let line = 0; line < size; line++) {
    const start = from + line * inner
    const to = arena.at.x + 4 * line * length
    arena.floats(to, length).set(x.subarray(start, start + length))
  }
}

/** Puts values in place, filled up to whole vectors with NaN; returns how many there are then. */
function loadPadded(arena: Arena, x: Float32Array, start: number, length: number): number {
  const padded = (length + 3) & ~3
  const room = arena.floats(arena.at.x, padded)
  room.set(x.subarray(start, start + length))
  room.fill(Number.NaN, length)
  return padded
}
