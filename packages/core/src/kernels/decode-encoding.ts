import type {
  AffineEncoding,
  Encoding,
  PaletteEncoding,
  SparseEncoding,
} from '../scheme/encoding.ts'
import { elementsOf } from '../tensor/weight.ts'
import { blockRuns } from './block-runs.ts'
import { requireFit } from './fit.ts'
import type { Kernels } from './kernels.ts'
import { withoutMasked } from './prune.ts'
import { scalarKernels } from './scalar.ts'

/** Scales that are laid out beside their runs at once. */
const RUNS_AT_ONCE = 65536

/** Indices that are worth a kernel call. */
const LONG_RUN = 256

/**
 * The values that an encoding stands for, in storage order: the only truth about what a device
 * computes. For `float` this is the encoding's own array.
 *
 * @throws TypeError when the parts of the encoding do not fit together
 */
export function decode(encoding: Encoding, kernels: Kernels = scalarKernels): Float32Array {
  switch (encoding.kind) {
    case 'float':
      requireElements(encoding.shape, encoding.values.length, 'values')
      return encoding.values
    case 'affine':
      return decodeAffine(encoding, kernels)
    case 'palette':
      return decodePalette(encoding, kernels)
    case 'sparse':
      return decodeSparse(encoding, kernels)
  }
}

function decodeAffine(encoding: AffineEncoding, kernels: Kernels): Float32Array {
  const { shape, block, codes, scale, zeroPoint, dtype } = encoding
  requireElements(shape, codes.length, 'codes')
  const out = new Float32Array(codes.length)
  if (out.length === 0) return out
  const runs = blockRuns(shape, block)
  const blocks = elementsOf(shape) / elementsOf(block)
  requireFit(scale.length === blocks, `${blocks} blocks, ${scale.length} scales`)
  requireFit((zeroPoint ?? scale).length === blocks, `${blocks} blocks, other zero points`)
  if (runs.isInOrder) {
    kernels.decodeBlocks(out, codes, scale, zeroPoint, { blockLength: runs.length, dtype })
    return out
  }
  for (let first = 0; first < runs.count; first += RUNS_AT_ONCE) {
    const blockOf = new Uint32Array(Math.min(RUNS_AT_ONCE, runs.count - first))
    runs.blocks(blockOf, first)
    const from = first * runs.length
    const to = from + blockOf.length * runs.length
    const zeros = zeroPoint && Int8Array.from(blockOf, (index) => zeroPoint[index]!)
    const scales = Float32Array.from(blockOf, (index) => scale[index]!)
    kernels.decodeBlocks(out.subarray(from, to), codes.subarray(from, to), scales, zeros, {
      blockLength: runs.length,
      dtype,
    })
  }
  return out
}

/**
 * Index (a, j, r) names the entry that gives the values (a, j * size + c, r) for c below the size
 * of a vector, the axis of vectors in the middle.
 */
function decodePalette(encoding: PaletteEncoding, kernels: Kernels): Float32Array {
  const { shape, vector, indices, bits } = encoding
  const out = new Float32Array(elementsOf(shape))
  const indexShape = alongVectors(shape, vector)
  requireElements(indexShape, indices.length, 'indices')
  if (out.length === 0) return out
  const indexBlock = alongVectors(encoding.block, vector)
  const runs = blockRuns(indexShape, indexBlock)
  const values = decode(encoding.table, kernels)
  const blocks = elementsOf(indexShape) / elementsOf(indexBlock)
  const size = 2 ** bits * vector.size
  requireFit(values.length === blocks * size, `${blocks} tables of ${size} in ${values.length}`)
  for (let first = 0; first < runs.count; first += RUNS_AT_ONCE) {
    const blockOf = new Uint32Array(Math.min(RUNS_AT_ONCE, runs.count - first))
    runs.blocks(blockOf, first)
    const start = first * runs.length
    if (vector.size > 1) {
      const inner = elementsOf(shape.slice(vector.axis + 1))
      const table = { values, size, vectorSize: vector.size, inner }
      lookUpVectors(out, indices, blockOf, table, start, runs.length)
    } else if (runs.length >= LONG_RUN) {
      lookUpRuns(kernels, out, indices, blockOf, { values, size }, start, runs.length)
    } else lookUpShortRuns(out, indices, blockOf, { values, size }, start, runs.length)
  }
  return out
}

/** All tables one after another, and values in each. */
type Tables = { readonly values: Float32Array; readonly size: number }

/** Runs from `start` on, each of `length` indices into its own table. */
function lookUpRuns(
  kernels: Kernels,
  out: Float32Array,
  indices: Uint8Array,
  blockOf: Uint32Array,
  { values, size }: Tables,
  start: number,
  length: number,
): void {
  for (let i = 0; i < blockOf.length; i++) {
    const from = start + i * length
    const table = values.subarray(blockOf[i]! * size, (blockOf[i]! + 1) * size)
    kernels.lookUp(out.subarray(from, from + length), indices.subarray(from, from + length), table)
  }
}

function lookUpShortRuns(
  out: Float32Array,
  indices: Uint8Array,
  blockOf: Uint32Array,
  { values, size }: Tables,
  start: number,
  length: number,
): void {
  let at = start
  for (let i = 0; i < blockOf.length; i++) {
    const first = blockOf[i]! * size
    for (const end = at + length; at < end; at++) out[at] = values[first + indices[at]!]!
  }
}

function lookUpVectors(
  out: Float32Array,
  indices: Uint8Array,
  blockOf: Uint32Array,
  table: Tables & { readonly vectorSize: number; readonly inner: number },
  start: number,
  length: number,
): void {
  const { values, size, vectorSize, inner } = table
  for (let i = start; i < start + blockOf.length * length; i++) {
    const entry = blockOf[Math.floor((i - start) / length)]! * size + indices[i]! * vectorSize
    // Index i is value i - row * inner of its row, and a row of indices gives `vectorSize` rows.
    const at = i + Math.floor(i / inner) * inner * (vectorSize - 1)
    for (let c = 0; c < vectorSize; c++) out[at + c * inner] = values[entry + c]!
  }
}

function decodeSparse({ shape, mask, values }: SparseEncoding, kernels: Kernels): Float32Array {
  requireElements(shape, mask.length, 'mask bytes')
  const dense = decode(values, kernels)
  requireElements(shape, dense.length, 'values')
  return withoutMasked(dense, mask, 0)
}

/** The shape of indices: the axis of vectors counts vectors. */
function alongVectors(
  shape: readonly number[],
  vector: { readonly axis: number; readonly size: number },
): readonly number[] {
  if (vector.size === 1) return shape
  const along = shape[vector.axis] ?? 0
  requireFit(along % vector.size === 0, `vectors of ${vector.size} along ${along} values`)
  return shape.map((size, axis) => (axis === vector.axis ? size / vector.size : size))
}

function requireElements(shape: readonly number[], count: number, what: string): void {
  requireFit(elementsOf(shape) === count, `${count} ${what} in a tensor of ${shape.join(' x ')}`)
}
