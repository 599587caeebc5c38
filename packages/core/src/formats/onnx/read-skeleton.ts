import type { ByteSource } from '../../base/bytes.ts'
import { ensure } from '../../base/error.ts'
import { ProtoCursor, type ProtoField } from '../wire/proto-reader.ts'
import { DTYPES } from './read-dtype.ts'

/**
 * Tensors up to this size stay in the skeleton: shapes, axes and scalars that graph rewriting
 * looks at. The same threshold as `onnx.save` uses for external data.
 */
const INLINE_BYTES = 1024

/** The field that holds a tensor's values; numbers of message TensorProto in onnx.proto. */
export type DataField =
  | 'float_data'
  | 'int32_data'
  | 'int64_data'
  | 'raw_data'
  | 'double_data'
  | 'uint64_data'

/** Where the values of one initializer lie that were left out of the skeleton. */
export type DataRegion = {
  readonly field: DataField
  readonly start: number
  readonly end: number
}

/** A ModelProto without its large values, and where these lie. */
export type Skeleton = {
  readonly bytes: Uint8Array
  /** One entry an initializer of the main graph, in file order; `undefined`: nothing left out. */
  readonly regions: readonly (DataRegion | undefined)[]
}

/** Part of the skeleton: bytes of the file as they are, or a message that became shorter. */
type Part =
  | { readonly kind: 'copy'; readonly start: number; readonly end: number }
  | { readonly kind: 'message'; readonly number: number; readonly parts: readonly Part[] }

const MODEL_GRAPH = 7
const GRAPH_INITIALIZER = 5
const TENSOR_DATA_TYPE = 2

const DATA_FIELDS: ReadonlyMap<number, DataField> = new Map([
  [4, 'float_data'],
  [5, 'int32_data'],
  [7, 'int64_data'],
  [9, 'raw_data'],
  [10, 'double_data'],
  [11, 'uint64_data'],
])

/** One read of the copied parts; keeps memory small whatever the file's size. */
const COPY_BYTES = 1_048_576

/**
 * Walks a ModelProto, steps over the values of large initializers and copies the rest.
 * A file of gigabytes takes a few reads of 64 KiB.
 *
 * @param limit - most bytes the skeleton may have
 */
export async function readSkeleton(source: ByteSource, limit: number): Promise<Skeleton> {
  const cursor = new ProtoCursor(source)
  const regions: (DataRegion | undefined)[] = []
  const parts = await messageParts(cursor, source.sizeInBytes, MODEL_GRAPH, (graph) =>
    messageParts(cursor, graph.end, GRAPH_INITIALIZER, async (initializer) => {
      const tensor = await tensorParts(cursor, initializer)
      regions.push(tensor.region)
      return tensor.parts
    }),
  )
  return { bytes: await assemble(source, parts, limit), regions }
}

/** Every field up to `end` as it is, but the field `number` by what `descend` leaves of it. */
async function messageParts(
  cursor: ProtoCursor,
  end: number,
  number: number,
  descend: (field: ProtoField) => Promise<readonly Part[]>,
): Promise<readonly Part[]> {
  const parts: Part[] = []
  for (let field = await cursor.next(end); field; field = await cursor.next(end)) {
    if (field.number !== number || field.wireType !== 'bytes') {
      appendCopy(parts, field.start, field.end)
      continue
    }
    cursor.position = field.payload
    const inner = await descend(field)
    if (isWhole(inner, field)) appendCopy(parts, field.start, field.end)
    else parts.push({ kind: 'message', number, parts: inner })
  }
  return parts
}

async function tensorParts(
  cursor: ProtoCursor,
  tensor: ProtoField,
): Promise<{ readonly parts: readonly Part[]; readonly region: DataRegion | undefined }> {
  const parts: Part[] = []
  let dataType = 0
  let dataFields = 0
  let data: { readonly field: DataField; readonly at: ProtoField } | undefined
  for (let at = await cursor.next(tensor.end); at; at = await cursor.next(tensor.end)) {
    if (at.number === TENSOR_DATA_TYPE && at.wireType === 'varint') dataType = at.value
    const field = DATA_FIELDS.get(at.number)
    if (field !== undefined) {
      dataFields++
      if (at.wireType === 'bytes' && at.end - at.payload > INLINE_BYTES) data = { field, at }
    }
    appendCopy(parts, at.start, at.end)
  }
  // Values spread over several fields, or of a type we do not know, are carried as they are.
  if (data === undefined || dataFields !== 1 || !DTYPES.has(dataType)) {
    return { parts, region: undefined }
  }
  const { field, at } = data
  return {
    parts: without(parts, at),
    region: { field, start: at.payload, end: at.end },
  }
}

/** Appends a range of the file, joined with the range before it where they touch. */
function appendCopy(parts: Part[], start: number, end: number): void {
  const last = parts.at(-1)
  if (last?.kind === 'copy' && last.end === start) {
    parts[parts.length - 1] = { kind: 'copy', start: last.start, end }
  } else parts.push({ kind: 'copy', start, end })
}

function without(parts: readonly Part[], field: ProtoField): readonly Part[] {
  return parts.flatMap((part) => {
    if (part.kind !== 'copy' || field.start < part.start || field.end > part.end) return [part]
    const before: Part = { kind: 'copy', start: part.start, end: field.start }
    const after: Part = { kind: 'copy', start: field.end, end: part.end }
    return [before, after].filter((range) => range.start < range.end)
  })
}

/** Whether nothing was left out of a message: then it is copied with its own header. */
function isWhole(parts: readonly Part[], field: ProtoField): boolean {
  if (field.payload === field.end) return true
  const [first] = parts
  return (
    parts.length === 1 &&
    first?.kind === 'copy' &&
    first.start === field.payload &&
    first.end === field.end
  )
}

/** Encodes the parts, message lengths first made anew. */
async function assemble(
  source: ByteSource,
  parts: readonly Part[],
  limit: number,
): Promise<Uint8Array> {
  const size = sizeOfParts(parts)
  ensure(
    size <= limit,
    'limit-exceeded',
    `"${source.name}" has ${size} bytes besides its large initializers; at most ${limit} are read. ` +
      'Store constants as initializers.',
    { file: source.name, size, limit },
  )
  const bytes = new Uint8Array(size)
  await writeParts(bytes, 0, parts, source)
  return bytes
}

async function writeParts(
  bytes: Uint8Array,
  offset: number,
  parts: readonly Part[],
  source: ByteSource,
): Promise<number> {
  let at = offset
  for (const part of parts) {
    if (part.kind === 'copy') at = await writeCopy(bytes, at, part, source)
    else {
      at = writeVarint(bytes, at, part.number * 8 + 2)
      at = writeVarint(bytes, at, sizeOfParts(part.parts))
      at = await writeParts(bytes, at, part.parts, source)
    }
  }
  return at
}

async function writeCopy(
  bytes: Uint8Array,
  offset: number,
  range: { readonly start: number; readonly end: number },
  source: ByteSource,
): Promise<number> {
  let at = offset
  for (let start = range.start; start < range.end; start += COPY_BYTES) {
    const chunk = await source.read(start, Math.min(COPY_BYTES, range.end - start))
    bytes.set(chunk, at)
    at += chunk.length
  }
  return at
}

function sizeOfParts(parts: readonly Part[]): number {
  let size = 0
  for (const part of parts) {
    if (part.kind === 'copy') size += part.end - part.start
    else {
      const inner = sizeOfParts(part.parts)
      size += varintSize(part.number * 8 + 2) + varintSize(inner) + inner
    }
  }
  return size
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++
  return size
}

function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) + 0x80
  bytes[at++] = rest
  return at
}
