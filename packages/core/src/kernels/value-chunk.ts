import type { FileRegion } from '../base/bytes.ts'
import { MixbitError } from '../base/error.ts'
import type { DType } from '../tensor/dtype.ts'
import type { Weight } from '../tensor/weight.ts'
import { columnsOf, rowsOf } from '../tensor/weight.ts'
import type { Kernels } from './kernels.ts'

/** Values of one chunk: 2^21 float32 are 8 MiB, enough to keep a worker busy, little to hold. */
const CHUNK_VALUES = 2 ** 21

/**
 * Values of one chunk that a worker reads for itself: 2 MiB as float32, which a core's own cache holds
 * in part. With 2^18 the messages took as long as the work that they save.
 */
export const PLACED_VALUES: number = 2 ** 19

/**
 * Some whole rows of a weight on their way to a worker: the stored bytes where the weight is a
 * region of a file, so that a worker converts them, else float32 values.
 */
export type ValueChunk = {
  readonly rows: number
  readonly columns: number
  readonly dtype: DType
  readonly stored: Uint8Array | null
  readonly values: Float32Array | null
  /** Where the stored bytes are that the worker reads for itself; then there are no others. */
  readonly region?: FileRegion
}

/**
 * Reads a weight chunk by chunk, whole rows at a time. All but the last chunk have a multiple of
 * four rows, so that 4-bit and 2-bit codes of a chunk fill whole bytes.
 *
 * @param whole - read everything as one chunk (a scale covers the whole tensor), or so many rows at once
 */
export async function* valueChunks(
  weight: Weight,
  whole: 'whole' | 'split' | number,
): AsyncGenerator<ValueChunk> {
  const held = weight.inOrder?.() ?? weight
  for (const rows of rowRanges(weight, whole, CHUNK_VALUES)) yield readChunk(held, rows)
}

/**
 * The same for workers: what they can read for themselves is not read here. Complete with
 * `loadedChunk`.
 */
export async function* placedChunks(
  weight: Weight,
  whole: 'whole' | 'split' | number,
): AsyncGenerator<ValueChunk> {
  const held = weight.inOrder?.() ?? weight
  for (const rows of rowRanges(weight, whole, PLACED_VALUES)) {
    const { start, end } = rows
    const region = held.regionOfRows?.(start, end)
    yield region === undefined
      ? await readChunk(held, rows)
      : { ...chunkFacts(held, rows), stored: null, values: null, region }
  }
}

/** A chunk with its bytes. They are good until the thread reads the next region. */
export function loadedChunk(chunk: ValueChunk, { readRegion }: RegionReader): ValueChunk {
  const { region, ...rest } = chunk
  if (region === undefined) return chunk
  if (readRegion === undefined) throw new TypeError('This thread cannot read regions of files')
  return { ...rest, stored: readRegion(region) }
}

export type RegionReader = { readonly readRegion?: (region: FileRegion) => Uint8Array }

type RowRange = { readonly start: number; readonly end: number }

function* rowRanges(
  { shape }: Weight,
  whole: 'whole' | 'split' | number,
  values: number,
): Generator<RowRange, void> {
  const rows = rowsOf(shape)
  const fitting = (): number => fittingRows(columnsOf(shape), 4, values)
  const step = typeof whole === 'number' ? whole : whole === 'whole' ? rows : fitting()
  for (let start = 0; start < rows; start += step) {
    yield { start, end: Math.min(rows, start + step) }
  }
}

async function readChunk(weight: Weight, rows: RowRange): Promise<ValueChunk> {
  const { start, end } = rows
  const facts = chunkFacts(weight, rows)
  return weight.readStoredRows === undefined
    ? { ...facts, stored: null, values: await weight.readRows(start, end) }
    : { ...facts, stored: await weight.readStoredRows(start, end), values: null }
}

function chunkFacts(
  { shape, dtype }: Weight,
  { start, end }: RowRange,
): Pick<ValueChunk, 'rows' | 'columns' | 'dtype'> {
  return { rows: end - start, columns: columnsOf(shape), dtype }
}

/** Rows of one chunk: about so many values, a multiple of `multiple`. */
export function fittingRows(columns: number, multiple: number, values: number): number {
  return multiple * Math.max(1, Math.floor(values / Math.max(1, columns) / multiple))
}

/**
 * The float32 values of a chunk. They may be the stored bytes themselves, or lie in what `room` gives.
 *
 * @param room - memory for so many values, which may be used again
 */
export function chunkValues(
  kernels: Kernels,
  chunk: ValueChunk,
  room: (count: number) => Float32Array = (count) => new Float32Array(count),
): Float32Array {
  if (chunk.values !== null) return chunk.values
  const bytes = chunk.stored ?? new Uint8Array(0)
  const aligned = alignedCopy(bytes)
  const count = chunk.rows * chunk.columns
  switch (chunk.dtype) {
    case 'float32':
      return new Float32Array(aligned.buffer, aligned.byteOffset, count)
    case 'float16':
    case 'bfloat16': {
      const bits = new Uint16Array(aligned.buffer, aligned.byteOffset, count)
      const values = room(count)
      if (chunk.dtype === 'float16') kernels.halfToFloat(values, bits)
      else kernels.bfloat16ToFloat(values, bits)
      return values
    }
    case 'float64':
    case 'int64':
    case 'int32':
    case 'int16':
    case 'int8':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'uint64':
    case 'int4':
    case 'uint4':
    case 'int2':
    case 'uint2':
    case 'bool':
      throw new MixbitError(
        'unsupported-dtype',
        `A weight of ${chunk.dtype} cannot be quantized; weights are float32, float16 or bfloat16.`,
        { dtype: chunk.dtype },
      )
  }
}

/** Stored bytes of half-precision values. */
export function storedHalves(stored: Uint8Array): Uint16Array {
  const { buffer, byteOffset, length } = alignedCopy(stored)
  return new Uint16Array(buffer, byteOffset, length / 2)
}

/** The bytes at an address that typed arrays of 4 bytes accept. */
function alignedCopy(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes)
}
