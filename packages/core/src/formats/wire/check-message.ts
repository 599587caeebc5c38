import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf'
import { MixbitError } from '../../base/error.ts'
import {
  protoField,
  varint,
  type ProtoField,
  type ProtoMessage,
  type WireType,
} from './proto-reader.ts'

/** What a message may hold; each limit is the caller's, with its reason. */
export type MessageLimits = {
  /** Messages within messages. */
  readonly depth: number
  /** Fields in all. */
  readonly fields: number
}

/** One walk through one encoded message. */
type Check = {
  readonly bytes: Uint8Array
  readonly file: string
  readonly limits: MessageLimits
  fields: number
}

/**
 * Checks that `bytes` is a well-formed message of type `type`, so that decoding it afterwards
 * cannot misread: every nested length lies within its message, every known field has its own wire
 * type, packed arrays end where their last value ends, and text is UTF-8 (else it would be changed
 * when written again). The protobuf library checks none of these.
 */
export function checkMessage(
  bytes: Uint8Array,
  type: DescMessage,
  file: string,
  limits: MessageLimits,
): void {
  const check: Check = { bytes, file, limits, fields: 0 }
  checkFields(check, type, 0, { file, end: bytes.length, isWholeFile: true }, 1)
}

function checkFields(
  check: Check,
  type: DescMessage,
  start: number,
  message: ProtoMessage,
  depth: number,
): void {
  if (depth > check.limits.depth) throw tooDeep(check)
  const known = fieldsByNumber(type)
  for (let at = start; at < message.end;) {
    const field = protoField(check.bytes, 0, at, message)
    countField(check)
    const description = known.get(field.number)
    if (description !== undefined) checkField(check, field, description, depth)
    at = field.end
  }
}

function checkField(check: Check, field: ProtoField, type: DescField, depth: number): void {
  const isPacked = field.wireType === 'bytes' && isPackable(type)
  if (!isPacked && field.wireType !== wireTypeOf(type)) {
    throw malformed(
      check,
      type,
      `stores ${nameOf(type)} as ${field.wireType}, which is not its type. The file is damaged or not of this format.`,
    )
  }
  const inner = { file: check.file, end: field.end, isWholeFile: false }
  if (type.message !== undefined) checkFields(check, type.message, field.payload, inner, depth + 1)
  else if (isPacked) checkPacked(check, field, type, inner)
  else if (type.scalar === ScalarType.STRING) checkText(check, field, type)
}

function checkPacked(check: Check, field: ProtoField, type: DescField, inner: ProtoMessage): void {
  const wireType = wireTypeOf(type)
  if (wireType === 'varint') {
    for (let at = field.payload; at < field.end;) at = varint(check.bytes, 0, at, inner).next
    return
  }
  const width = wireType === 'fixed32' ? 4 : 8
  if ((field.end - field.payload) % width === 0) return
  throw malformed(
    check,
    type,
    `has a packed ${nameOf(type)} whose length is not a multiple of ${width}.`,
  )
}

function checkText(check: Check, field: ProtoField, type: DescField): void {
  if (isUtf8(check.bytes.subarray(field.payload, field.end))) return
  throw malformed(check, type, `has a ${nameOf(type)} that is not UTF-8 text.`)
}

function countField(check: Check): void {
  check.fields++
  if (check.fields > check.limits.fields) throw tooMany(check)
}

// Messages are put together only where one is wrong: large programs have millions of fields.

function tooDeep({ file, limits: { depth } }: Check): MixbitError {
  const message = `"${file}" nests messages deeper than ${depth} levels.`
  return new MixbitError('limit-exceeded', message, { file, limit: depth })
}

function tooMany({ file, limits: { fields } }: Check): MixbitError {
  const message = `"${file}" has more than ${fields} protobuf fields outside its weights.`
  return new MixbitError('limit-exceeded', message, { file, limit: fields })
}

function malformed({ file }: Check, { name }: DescField, what: string): MixbitError {
  return new MixbitError('malformed', `"${file}" ${what}`, { file, field: name })
}

function nameOf({ parent, name }: DescField): string {
  return `${parent.typeName}.${name}`
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

function isUtf8(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte < 0x80)) return true
  try {
    strictUtf8.decode(bytes)
    return true
  } catch {
    return false
  }
}

const fieldTables = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>()

function fieldsByNumber(type: DescMessage): ReadonlyMap<number, DescField> {
  const cached = fieldTables.get(type)
  if (cached !== undefined) return cached
  const table = new Map(type.fields.map((field) => [field.number, field]))
  fieldTables.set(type, table)
  return table
}

function isPackable(type: DescField): boolean {
  return type.fieldKind === 'list' && wireTypeOf(type) !== 'bytes'
}

/** https://protobuf.dev/programming-guides/encoding/#structure */
const SCALAR_WIRE_TYPES: Readonly<Record<ScalarType, WireType>> = {
  [ScalarType.DOUBLE]: 'fixed64',
  [ScalarType.FIXED64]: 'fixed64',
  [ScalarType.SFIXED64]: 'fixed64',
  [ScalarType.FLOAT]: 'fixed32',
  [ScalarType.FIXED32]: 'fixed32',
  [ScalarType.SFIXED32]: 'fixed32',
  [ScalarType.STRING]: 'bytes',
  [ScalarType.BYTES]: 'bytes',
  [ScalarType.INT32]: 'varint',
  [ScalarType.INT64]: 'varint',
  [ScalarType.UINT32]: 'varint',
  [ScalarType.UINT64]: 'varint',
  [ScalarType.SINT32]: 'varint',
  [ScalarType.SINT64]: 'varint',
  [ScalarType.BOOL]: 'varint',
}

/** How one value of a field is stored: a scalar, an enum value or a message. */
function wireTypeOf(type: DescField): WireType {
  if (type.scalar !== undefined) return SCALAR_WIRE_TYPES[type.scalar]
  return type.enum === undefined ? 'bytes' : 'varint'
}
