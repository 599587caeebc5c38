import type { Algorithm } from '../config/settings.ts'
import type { EncodedMatrix } from '../algorithms/encode-matrix.ts'
import { encodeMatrix } from '../algorithms/encode-matrix.ts'
import type { Packing } from '../formats/onnx/form-types.ts'
import type { ErrorSums, Kernels } from '../kernels/kernels.ts'
import { NO_ERROR } from '../kernels/error-sums.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import { chunkValues } from '../kernels/value-chunk.ts'
import type { AffineScheme, FloatType } from '../scheme/scheme.ts'
import { bfloat16ToFloat, floatToBfloat16 } from '../tensor/float16.ts'

/** How a chunk is to be stored. Plain data, sent to a worker. */
export type ChunkTarget =
  /** The stored bytes as they are, whatever their dtype. */
  | { readonly kind: 'kept' }
  | { readonly kind: 'float'; readonly dtype: FloatType }
  | {
      readonly kind: 'affine'
      readonly scheme: AffineScheme
      readonly algorithm: Algorithm
      readonly blockLength: number
      readonly packing: Packing
      readonly decodeDtype: 'float32' | 'float16'
      /** Mean square of each input column's activation; null weighs all alike. */
      readonly importance: Float32Array | null
    }

/** Input of the pool job `encode-chunk`. */
export type EncodeChunkInput = {
  readonly chunk: ValueChunk
  readonly target: ChunkTarget
  /** Range of the whole weight, for its histogram; null for none. */
  readonly histogramRange: { readonly min: number; readonly max: number } | null
}

/** The stored bytes of one chunk, and what storing it cost. */
export type EncodedChunk = {
  readonly codes: Uint8Array
  readonly scale: Uint8Array
  readonly zeroPoint: Uint8Array
  readonly error: ErrorSums
  readonly histogram: Uint32Array
}

/** Bins of a weight's histogram: enough for its shape, few enough for a page with 1,000 layers. */
const HISTOGRAM_BINS = 64

const NOTHING = new Uint8Array(0)

/** Pool job: stores one chunk of a weight. */
export function encodeChunk(kernels: Kernels, input: EncodeChunkInput): EncodedChunk {
  const { chunk, target } = input
  if (target.kind === 'kept') return keptChunk(chunk)
  const values = chunkValues(kernels, chunk)
  const histogram = new Uint32Array(input.histogramRange === null ? 0 : HISTOGRAM_BINS)
  if (input.histogramRange !== null) {
    kernels.histogram(histogram, values, input.histogramRange.min, input.histogramRange.max)
  }
  const parts =
    target.kind === 'float'
      ? encodeFloat(kernels, chunk, values, target.dtype)
      : encodeAffine(kernels, chunk, values, target)
  return { ...parts, histogram }
}

/** Bytes that nobody looks into: nothing changed, and nothing is measured. */
function keptChunk(chunk: ValueChunk): EncodedChunk {
  if (chunk.stored === null) throw new TypeError('Only stored bytes can be kept')
  return {
    codes: chunk.stored,
    scale: NOTHING,
    zeroPoint: NOTHING,
    error: NO_ERROR,
    histogram: new Uint32Array(0),
  }
}

type Parts = Omit<EncodedChunk, 'histogram'>

function encodeFloat(
  kernels: Kernels,
  chunk: ValueChunk,
  values: Float32Array,
  dtype: FloatType,
): Parts {
  const empty = { scale: NOTHING, zeroPoint: NOTHING }
  if (chunk.stored !== null && chunk.dtype === dtype) {
    return { ...empty, codes: chunk.stored, error: kernels.errorSums(values, values) }
  }
  switch (dtype) {
    case 'float32':
      return { ...empty, codes: bytesOf(values), error: kernels.errorSums(values, values) }
    case 'float16': {
      const bits = new Uint16Array(values.length)
      kernels.floatToHalf(bits, values)
      const stored = new Float32Array(values.length)
      kernels.halfToFloat(stored, bits)
      return { ...empty, codes: bytesOf(bits), error: kernels.errorSums(values, stored) }
    }
    case 'bfloat16': {
      const bits = Uint16Array.from(values, floatToBfloat16)
      const stored = Float32Array.from(bits, bfloat16ToFloat)
      return { ...empty, codes: bytesOf(bits), error: kernels.errorSums(values, stored) }
    }
  }
}

function encodeAffine(
  kernels: Kernels,
  chunk: ValueChunk,
  values: Float32Array,
  target: Extract<ChunkTarget, { kind: 'affine' }>,
): Parts {
  const { scheme } = target
  const encoded = encodeMatrix(kernels, values, {
    rows: chunk.rows,
    cols: chunk.columns,
    blockLength: target.blockLength,
    integer: scheme.dtype,
    symmetric: scheme.symmetric,
    scaleDtype: scheme.scaleDtype,
    decodeDtype: target.decodeDtype,
    algorithm: target.algorithm,
    ...(target.importance === null ? {} : { importance: target.importance }),
  })
  return {
    codes: packCodes(kernels, encoded.codes, target.packing),
    scale: scaleBytes(kernels, encoded.scale, scheme.scaleDtype),
    zeroPoint: zeroPointBytes(kernels, encoded, chunk.rows, target.packing),
    error: encoded.error,
  }
}

function packCodes(kernels: Kernels, codes: Int8Array, packing: Packing): Uint8Array {
  switch (packing) {
    case 'int8':
      return bytesOf(codes)
    case 'uint8': {
      const bytes = new Uint8Array(codes.length)
      kernels.offsetBytes(bytes, codes)
      return bytes
    }
    case 'int4':
    case 'uint4': {
      const bytes = new Uint8Array(Math.ceil(codes.length / 2))
      kernels.packNibbles(bytes, codes, packing === 'int4' ? 0 : 8)
      return bytes
    }
    case 'int2':
    case 'uint2': {
      const bytes = new Uint8Array(Math.ceil(codes.length / 4))
      // Of two's complement and of `code + 2` the lowest two bits are stored.
      const values = packing === 'int2' ? bytesOf(codes) : Uint8Array.from(codes, (q) => q + 2)
      kernels.packBits(bytes, values, 2)
      return bytes
    }
  }
}

function scaleBytes(
  kernels: Kernels,
  scale: Float32Array,
  dtype: 'float16' | 'float32',
): Uint8Array {
  if (dtype === 'float32') return bytesOf(scale)
  const bits = new Uint16Array(scale.length)
  kernels.floatToHalf(bits, scale)
  return bytesOf(bits)
}

/** Zero points that share a byte within a row, in the packings of the block kernels. */
const ROW_CODES_PER_BYTE: Readonly<Partial<Record<Packing, number>>> = { uint4: 2, uint2: 4 }

/** The block kernels start every row of zero points on a byte of its own. */
function zeroPointBytes(
  kernels: Kernels,
  encoded: EncodedMatrix,
  rows: number,
  packing: Packing,
): Uint8Array {
  if (encoded.zeroPoint === undefined) return NOTHING
  const blocks = encoded.zeroPoint.length / rows
  const perByte = ROW_CODES_PER_BYTE[packing] ?? 1
  if (perByte === 1 || blocks % perByte === 0) return packCodes(kernels, encoded.zeroPoint, packing)
  const rowBytes = Math.ceil(blocks / perByte)
  const bytes = new Uint8Array(rows * rowBytes)
  for (let row = 0; row < rows; row++) {
    const own = encoded.zeroPoint.subarray(row * blocks, (row + 1) * blocks)
    bytes.set(packCodes(kernels, own, packing), row * rowBytes)
  }
  return bytes
}

function bytesOf(values: Float32Array | Uint16Array | Int8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
