import type { ByteSource } from '../../base/bytes.ts'
import { MixbitError, ensure } from '../../base/error.ts'

/** How a field's payload is laid out. Groups, deprecated since proto2, are refused. */
export type WireType = 'varint' | 'fixed64' | 'bytes' | 'fixed32'

/** Where one field lies; all positions count from the start of the file. */
export type ProtoField = {
  readonly number: number
  readonly wireType: WireType
  /** The first byte of the tag. */
  readonly start: number
  /** The first byte of the payload, after tag and length. */
  readonly payload: number
  /** The first byte after the payload. */
  readonly end: number
  /** The payload of a varint, exact below 2^53; 0 for every other wire type. */
  readonly value: number
}

/** A message whose fields are read: `end` is its first byte after, `file` is for messages. */
export type ProtoMessage = {
  readonly file: string
  readonly end: number
  /** Whether more bytes would have followed in an intact file: decides the error code. */
  readonly isWholeFile: boolean
}

/** 64 bits in groups of 7. https://protobuf.dev/programming-guides/encoding/#varints */
export const MAX_VARINT_BYTES = 10

/** A tag and a length: nothing more is needed to step over a field. */
const MAX_HEADER_BYTES = 2 * MAX_VARINT_BYTES

/** One read serves many small fields; large payloads are stepped over and never read. */
const WINDOW_BYTES = 65_536

const MAX_FIELD_NUMBER = 2 ** 29 - 1

const WIRE_TYPES: readonly (WireType | undefined)[] = [
  'varint',
  'fixed64',
  'bytes',
  undefined,
  undefined,
  'fixed32',
]

/**
 * Reads tag and length of the field at `at`; the payload itself need not lie in `bytes`.
 *
 * @param bytes - part of the file, at least the field's header
 * @param base - where `bytes` starts in the file
 * @param at - where the field starts in the file, before `message.end`
 */
export function protoField(
  bytes: Uint8Array,
  base: number,
  at: number,
  message: ProtoMessage,
): ProtoField {
  const tag = varint(bytes, base, at, message)
  const number = Math.floor(tag.value / 8)
  const wireType = WIRE_TYPES[tag.value % 8]
  if (wireType === undefined || number < 1 || number > MAX_FIELD_NUMBER) {
    throw new MixbitError(
      'malformed',
      `"${message.file}" has no valid protobuf field at byte ${at} (tag ${tag.value}). ` +
        'It is damaged or not a protobuf file.',
      { file: message.file, offset: at },
    )
  }
  const body = fieldBody(bytes, base, tag.next, wireType, message)
  return { number, wireType, start: at, ...body }
}

/** A varint at `at` and the byte after it. Ten bytes at most, 64 bits at most. */
export function varint(
  bytes: Uint8Array,
  base: number,
  at: number,
  message: ProtoMessage,
): { readonly value: number; readonly next: number } {
  let value = 0
  let unit = 1
  for (let count = 0; count < MAX_VARINT_BYTES; count++) {
    const byte = at + count < message.end ? bytes[at + count - base] : undefined
    if (byte === undefined) return cutShort(message, at, 1)
    value += (byte & 0x7f) * unit
    unit *= 128
    const isTooLarge = count === MAX_VARINT_BYTES - 1 && byte > 1
    if (byte < 0x80 && !isTooLarge) return { value, next: at + count + 1 }
  }
  ensure(false, 'malformed', `"${message.file}" has a varint beyond 64 bits at byte ${at}.`, {
    file: message.file,
    offset: at,
  })
}

/** Steps through the fields of a file and reads only what it must. */
export class ProtoCursor {
  readonly source: ByteSource
  /** The next byte to read; set it to a field's payload to descend into a message. */
  position: number
  #window: Uint8Array = new Uint8Array(0)
  #windowStart = 0

  constructor(source: ByteSource, position = 0) {
    this.source = source
    this.position = position
  }

  /** The next field before `end`, which is then stepped over; `undefined` at `end`. */
  async next(end: number): Promise<ProtoField | undefined> {
    const start = this.position
    if (start >= end) return undefined
    const needed = Math.min(MAX_HEADER_BYTES, end - start)
    if (!this.#holds(start, needed)) await this.#fill(start)
    const field = protoField(this.#window, this.#windowStart, start, {
      file: this.source.name,
      end,
      isWholeFile: end === this.source.sizeInBytes,
    })
    this.position = field.end
    return field
  }

  #holds(start: number, length: number): boolean {
    return start >= this.#windowStart && start + length <= this.#windowStart + this.#window.length
  }

  async #fill(start: number): Promise<void> {
    const length = Math.min(WINDOW_BYTES, this.source.sizeInBytes - start)
    this.#window = await this.source.read(start, length)
    this.#windowStart = start
  }
}

function fieldBody(
  bytes: Uint8Array,
  base: number,
  at: number,
  wireType: WireType,
  message: ProtoMessage,
): { readonly payload: number; readonly end: number; readonly value: number } {
  switch (wireType) {
    case 'varint': {
      const { value, next } = varint(bytes, base, at, message)
      return { payload: at, end: next, value }
    }
    case 'fixed64':
      return sized(at, 8, message)
    case 'fixed32':
      return sized(at, 4, message)
    case 'bytes': {
      const length = varint(bytes, base, at, message)
      return sized(length.next, length.value, message)
    }
  }
}

function sized(
  payload: number,
  length: number,
  message: ProtoMessage,
): { readonly payload: number; readonly end: number; readonly value: number } {
  if (length > message.end - payload) return cutShort(message, payload, length)
  return { payload, end: payload + length, value: 0 }
}

/** A field that runs past its message: a cut file at the outermost level, damage inside. */
function cutShort(message: ProtoMessage, at: number, length: number): never {
  const facts = { file: message.file, offset: at, length, end: message.end }
  ensure(
    !message.isWholeFile,
    'truncated',
    `"${message.file}" ends at byte ${message.end}, inside a field of ${length} bytes at byte ${at}. ` +
      'Copy or download the file again.',
    facts,
  )
  ensure(
    false,
    'malformed',
    `"${message.file}" has a field of ${length} bytes at byte ${at} that runs past its message, ` +
      `which ends at byte ${message.end}. The file is damaged.`,
    facts,
  )
}
