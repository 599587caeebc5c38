import type { ByteSource } from '../../base/bytes.ts'
import { ensure } from '../../base/error.ts'
import { BITS, type DType } from '../../tensor/dtype.ts'
import { MAX_VARINT_BYTES } from '../wire/proto-reader.ts'
import type { TensorProto } from './generated/onnx_pb.ts'
import type { DataField, DataRegion } from './read-skeleton.ts'
import type { ReadBytes, TensorFacts } from './stored-tensor.ts'

type ValueField = Exclude<DataField, 'raw_data'>

/**
 * The field that holds values of a dtype when raw_data does not.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, message TensorProto.
 */
const VALUE_FIELDS: Readonly<Record<DType, ValueField>> = {
  float32: 'float_data',
  float16: 'int32_data',
  bfloat16: 'int32_data',
  float64: 'double_data',
  int64: 'int64_data',
  int32: 'int32_data',
  int16: 'int32_data',
  int8: 'int32_data',
  uint8: 'int32_data',
  uint16: 'int32_data',
  uint32: 'uint64_data',
  uint64: 'uint64_data',
  int4: 'int32_data',
  uint4: 'int32_data',
  int2: 'int32_data',
  uint2: 'int32_data',
  bool: 'int32_data',
}

/** Varints are read this many bytes at a time. */
const CHUNK_BYTES = 65_536

/** Bytes that one entry of a value field stands for: values below a byte are packed in one. */
function entryBytes(dtype: DType): number {
  return Math.max(1, BITS[dtype] / 8)
}

/** Throws unless values of `dtype` may lie in `field`. */
export function ensureField(file: string, facts: TensorFacts, field: DataField): void {
  ensure(
    field === 'raw_data' || field === VALUE_FIELDS[facts.dtype],
    'malformed',
    `Tensor "${facts.name}" of "${file}" is ${facts.dtype} but has its values in ${field}.`,
    { file, tensor: facts.name, dtype: facts.dtype, field },
  )
}

/** Whether a region holds the values' own little-endian bytes, not varints. */
export function isVerbatim(region: DataRegion): boolean {
  return (
    region.field === 'raw_data' || region.field === 'float_data' || region.field === 'double_data'
  )
}

/**
 * Counts the varints of a region and gives a reader of the bytes they stand for. Reading on from
 * where the last read ended costs one pass over the file in all; jumping back starts again.
 */
export async function varintBytes(
  source: ByteSource,
  region: DataRegion,
  dtype: DType,
): Promise<{ readonly sizeInBytes: number; readonly readBytes: ReadBytes }> {
  const width = entryBytes(dtype)
  const count = await countVarints(source, region)
  let resume = { entry: 0, at: region.start }
  const readBytes: ReadBytes = async (offset, length) => {
    const first = offset / width
    const last = Math.ceil((offset + length) / width)
    if (first < resume.entry) resume = { entry: 0, at: region.start }
    const read = await readVarints(source, { ...resume, end: region.end }, first, last, width)
    resume = { entry: last, at: read.at }
    return read.bytes
  }
  return { sizeInBytes: count * width, readBytes }
}

async function countVarints(source: ByteSource, region: DataRegion): Promise<number> {
  let count = 0
  let length = 0
  for await (const chunk of chunks(source, region.start, region.end)) {
    for (const byte of chunk) {
      length++
      if (byte >= 0x80 && length < MAX_VARINT_BYTES) continue
      ensureVarintEnds(source.name, byte < 0x80)
      count++
      length = 0
    }
  }
  ensureVarintEnds(source.name, length === 0)
  return count
}

function ensureVarintEnds(file: string, ends: boolean): void {
  ensure(ends, 'malformed', `"${file}" has a packed array whose last varint does not end.`, {
    file,
  })
}

/** Decodes entries `[first, last)`, the low `width` bytes of each. */
async function readVarints(
  source: ByteSource,
  from: { readonly entry: number; readonly at: number; readonly end: number },
  first: number,
  last: number,
  width: number,
): Promise<{ readonly bytes: Uint8Array; readonly at: number }> {
  const bytes = new Uint8Array((last - first) * width)
  let entry = from.entry
  let at = from.at
  let low = 0
  let high = 0
  let shift = 0
  if (entry === last) return { bytes, at }
  for await (const chunk of chunks(source, from.at, from.end)) {
    for (const byte of chunk) {
      at++
      // Two halves of 32 bits: numbers are exact, and bigints would be slow.
      if (shift < 32) low |= (byte & 0x7f) << shift
      if (shift > 24)
        high |= shift < 32 ? (byte & 0x7f) >> (32 - shift) : (byte & 0x7f) << (shift - 32)
      shift += 7
      if (byte >= 0x80) continue
      if (entry >= first) writeEntry(bytes, (entry - first) * width, width, low, high)
      entry++
      if (entry === last) return { bytes, at }
      low = 0
      high = 0
      shift = 0
    }
  }
  return { bytes, at }
}

function writeEntry(
  bytes: Uint8Array,
  offset: number,
  width: number,
  low: number,
  high: number,
): void {
  for (let i = 0; i < width; i++) {
    bytes[offset + i] = i < 4 ? low >>> (8 * i) : high >>> (8 * (i - 4))
  }
}

async function* chunks(source: ByteSource, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += CHUNK_BYTES) {
    yield await source.read(at, Math.min(CHUNK_BYTES, end - at))
  }
}

const VALUE_FIELD_NAMES = [
  'float_data',
  'int32_data',
  'int64_data',
  'double_data',
  'uint64_data',
] as const

/** The stored bytes of a tensor whose values are in the message itself, whichever field holds them. */
export function inlineBytes(file: string, tensor: TensorProto, facts: TensorFacts): Uint8Array {
  const filled: DataField[] = VALUE_FIELD_NAMES.filter(
    (field) => entriesOf(tensor, field).length > 0,
  )
  if (tensor.rawData.length > 0) filled.push('raw_data')
  const [field = 'raw_data', ...others] = filled
  ensure(
    others.length === 0,
    'malformed',
    `Tensor "${tensor.name}" of "${file}" has its values twice: in ${filled.join(' and ')}.`,
    { file, tensor: tensor.name },
  )
  ensureField(file, facts, field)
  return field === 'raw_data' ? tensor.rawData : entryBytesOf(tensor, field, facts.dtype)
}

function entriesOf(tensor: TensorProto, field: ValueField): readonly (number | bigint)[] {
  switch (field) {
    case 'float_data':
      return tensor.floatData
    case 'int32_data':
      return tensor.int32Data
    case 'int64_data':
      return tensor.int64Data
    case 'double_data':
      return tensor.doubleData
    case 'uint64_data':
      return tensor.uint64Data
  }
}

function entryBytesOf(tensor: TensorProto, field: ValueField, dtype: DType): Uint8Array {
  const width = entryBytes(dtype)
  const entries = entriesOf(tensor, field)
  const bytes = new Uint8Array(entries.length * width)
  const view = new DataView(bytes.buffer)
  for (const [i, entry] of entries.entries()) {
    if (field === 'float_data') view.setFloat32(i * width, Number(entry), true)
    else if (field === 'double_data') view.setFloat64(i * width, Number(entry), true)
    else writeEntry(bytes, i * width, width, ...halves(BigInt(entry)))
  }
  return bytes
}

/** The low and the high 32 bits. */
function halves(value: bigint): [low: number, high: number] {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))]
}
