import { fromBinary } from '@bufbuild/protobuf'
import * as z from 'zod'

import type { ByteSource } from '../../../base/bytes.ts'
import { ensure } from '../../../base/error.ts'
import { parseJsonText } from '../../../base/json-file.ts'
import { parseWith } from '../../../base/parse-with.ts'
import { ProtoCursor } from '../../wire/proto-reader.ts'
import { StringStringEntryProtoSchema } from '../generated/onnx_pb.ts'
import type { BoundaryFacts } from './declare-boundary.ts'
import { BOUNDARY_KEY } from './declare-boundary.ts'

/** `metadata_props` of ModelProto. */
const METADATA_PROPS = 14

/** What inputs and outputs of any model take; metadata of others may be longer, and is not read. */
const MOST_BYTES = 1_048_576

const tensor = z
  .strictObject({
    name: z.string(),
    dtype: z.enum(['uint8', 'int8']),
    scale: z.number().positive(),
    zeroPoint: z.number().int().min(-128).max(255),
  })
  .readonly()

const schema: z.ZodType<BoundaryFacts> = z.strictObject({
  inputs: z.array(tensor).max(10_000),
  outputs: z.array(tensor).max(10_000),
})

/**
 * What a model file states of its integer inputs and outputs; null where it states nothing. Steps over
 * the graph, so that a large file takes a few reads.
 *
 * @throws `malformed` when what it states cannot be read
 */
export async function statedIo(source: ByteSource): Promise<BoundaryFacts | null> {
  const cursor = new ProtoCursor(source)
  for (;;) {
    const field = await cursor.next(source.sizeInBytes)
    if (field === undefined) return null
    if (field.number !== METADATA_PROPS || field.wireType !== 'bytes') continue
    const length = field.end - field.payload
    if (length > MOST_BYTES) continue
    const { key, value } = readEntry(await source.read(field.payload, length), source.name)
    if (key !== BOUNDARY_KEY) continue
    const stated = parseJsonText(value, source.name, 'malformed')
    return parseWith(schema, stated, { code: 'malformed', file: source.name, at: BOUNDARY_KEY })
  }
}

function readEntry(
  bytes: Uint8Array,
  file: string,
): { readonly key: string; readonly value: string } {
  try {
    return fromBinary(StringStringEntryProtoSchema, bytes)
  } catch {
    ensure(false, 'malformed', `"${file}" has metadata that cannot be read. It is damaged.`, {
      file,
    })
  }
}
