import { fromBinary } from '@bufbuild/protobuf'
import type { ByteSource } from '../../base/bytes.ts'
import { ensure, MixbitError } from '../../base/error.ts'
import { FIRST_PROGRAM_SPEC, NEWEST_SPEC } from '../../targets/coreml-versions.ts'
import { checkMessage } from '../wire/check-message.ts'
import { ProtoCursor } from '../wire/proto-reader.ts'
import { ModelSchema } from './generated/coreml_pb.ts'
import type { Model } from './generated/coreml_pb.ts'
import { modelKind } from './model-kinds.ts'

/**
 * Programs take a few MB even for models of many GB, because their values lie in weight files. A
 * byte of packed integers takes 8 when decoded.
 */
const MAX_MODEL_BYTES = 32_000_000

/** A program has one in 6 bytes or so; each costs up to 250 bytes of memory once decoded. */
const MAX_FIELDS = 4_000_000

/** Five levels a nested block; the protobuf library refuses more than 100. */
const MAX_DEPTH = 100

/** Field numbers of `Model`. */
const SPECIFICATION_VERSION = 1

/** From here on the fields of `Model` each hold one kind of model. */
const FIRST_KIND = 200

/**
 * Reads `model.mlmodel`. What kind of model it is is found without reading it whole, so that a neural
 * network of any size gets its answer at once.
 *
 * Throws `unsupported-model` for every kind but ML Programs, `unsupported-version`, `malformed` (also for
 * a file without any model), `truncated`, `limit-exceeded`.
 */
export async function readModel(source: ByteSource): Promise<Model> {
  await ensureProgram(source)
  const file = source.name
  ensure(
    source.sizeInBytes <= MAX_MODEL_BYTES,
    'limit-exceeded',
    `"${file}" has ${source.sizeInBytes} bytes; a program has at most ${MAX_MODEL_BYTES}. ` +
      'Values of weights belong into the weight file: save the package again with coremltools.',
    { file, bytes: source.sizeInBytes, limit: MAX_MODEL_BYTES },
  )
  const bytes = await source.read(0, source.sizeInBytes)
  checkMessage(bytes, ModelSchema, file, { depth: MAX_DEPTH, fields: MAX_FIELDS })
  return decode(file, bytes)
}

/** Throws unless the file holds an ML Program of a version that Mixbit knows. */
export async function ensureProgram(source: ByteSource): Promise<void> {
  const { spec, kind } = await headerOf(source)
  const file = source.name
  ensure(
    kind !== 0,
    'malformed',
    `"${file}" holds no model: it is empty or damaged. Copy the package again.`,
    { file },
  )
  const found = modelKind(kind)
  ensure(found.isProgram, 'unsupported-model', `"${file}" holds ${found.name}. ${found.remedy}`, {
    file,
    kind: found.name,
  })
  ensure(
    spec >= FIRST_PROGRAM_SPEC && spec <= NEWEST_SPEC,
    'unsupported-version',
    `"${file}" has specification version ${spec}; Mixbit reads ML Programs of ${FIRST_PROGRAM_SPEC} to ${NEWEST_SPEC}.`,
    { file, version: spec },
  )
}

async function headerOf(
  source: ByteSource,
): Promise<{ readonly spec: number; readonly kind: number }> {
  const cursor = new ProtoCursor(source)
  let [spec, kind, count] = [0, 0, 0]
  for (;;) {
    const field = await cursor.next(source.sizeInBytes)
    if (field === undefined) return { spec, kind }
    if (field.number === SPECIFICATION_VERSION) spec = field.value
    if (field.number >= FIRST_KIND) kind = field.number
    count++
    ensure(
      count <= MAX_FIELDS,
      'limit-exceeded',
      `"${source.name}" has more than ${MAX_FIELDS} protobuf fields.`,
      { file: source.name, limit: MAX_FIELDS },
    )
  }
}

function decode(file: string, bytes: Uint8Array): Model {
  try {
    return fromBinary(ModelSchema, bytes)
  } catch (cause) {
    throw new MixbitError(
      'malformed',
      `"${file}" is not a readable Core ML model: ${String(cause)}`,
      { file },
      { cause },
    )
  }
}
