import { MixbitError } from '../../base/error.ts'
import type { ProtoField } from '../wire/proto-reader.ts'
import { protoField, varint } from '../wire/proto-reader.ts'

/** A field that our schema leaves out, as the protobuf library carries it. */
type Carried = { readonly no: number; readonly wireType: number; readonly data: Uint8Array }

type Carrier = { readonly $unknown?: readonly Carried[] | undefined }

/** Wire type of what has a length before it. https://protobuf.dev/programming-guides/encoding/ */
const LENGTH_DELIMITED = 2

/** A field of a message: its bytes, or its value where it is a varint. */
export type PlainField = {
  readonly number: number
  readonly bytes: Uint8Array
  readonly value: number
}

const utf8 = new TextDecoder()

/** The text or message of the last field of a number that a message carries unread; null without one. */
export function carriedBytes({ $unknown = [] }: Carrier, number: number): Uint8Array | null {
  const found = $unknown.findLast(({ no, wireType }) => {
    return no === number && wireType === LENGTH_DELIMITED
  })
  if (found === undefined) return null
  const { data } = found
  const message = { file: '', end: data.length, isWholeFile: false }
  return data.subarray(varint(data, 0, 0, message).next)
}

/** Whether a message carries a field of this number. */
export function isCarried({ $unknown = [] }: Carrier, number: number): boolean {
  return $unknown.some(({ no }) => no === number)
}

/** The fields of a message that nothing depends on: where it is damaged, it ends. */
export function plainFields(bytes: Uint8Array): readonly PlainField[] {
  const fields: PlainField[] = []
  const message = { file: '', end: bytes.length, isWholeFile: false }
  for (let at = 0; at < bytes.length;) {
    const field = fieldAt(bytes, at, message)
    if (field === null) return fields
    const { number, payload, end, value } = field
    fields.push({ number, bytes: bytes.subarray(payload, end), value })
    at = end
  }
  return fields
}

function fieldAt(
  bytes: Uint8Array,
  at: number,
  message: Parameters<typeof protoField>[3],
): ProtoField | null {
  try {
    return protoField(bytes, 0, at, message)
  } catch (error) {
    if (error instanceof MixbitError) return null
    throw error
  }
}

/** The last text of a number; null where there is none, or an empty one. */
export function textField(fields: readonly PlainField[], number: number): string | null {
  const found = fields.findLast((field) => field.number === number)
  return found === undefined || found.bytes.length === 0 ? null : utf8.decode(found.bytes)
}

/** The last value of a number; 0 where there is none, as protobuf has it. */
export function valueField(fields: readonly PlainField[], number: number): number {
  return fields.findLast((field) => field.number === number)?.value ?? 0
}
