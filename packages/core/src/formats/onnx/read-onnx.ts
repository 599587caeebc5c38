import { clearField, fromBinary } from '@bufbuild/protobuf'

import type { ByteSource } from '../../base/bytes.ts'
import { ensure, MixbitError } from '../../base/error.ts'
import type { DType } from '../../tensor/dtype.ts'
import { checkMessage } from '../wire/check-message.ts'
import type { OnnxDocument } from './document.ts'
import {
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type ModelProto,
  type TensorProto,
} from './generated/onnx_pb.ts'
import { DTYPES } from './read-dtype.ts'
import {
  ensureInside,
  externalRegion,
  ExternalSources,
  type ExternalFiles,
  type ExternalRegion,
} from './read-external.ts'
import { inlineNestedTensors } from './read-nested.ts'
import { ensureBytes, shapeOf } from './read-shape.ts'
import { readSkeleton, type DataRegion } from './read-skeleton.ts'
import { ensureField, inlineBytes, isVerbatim, varintBytes } from './read-values.ts'
import {
  memoryTensor,
  regionTensor,
  sizeOf,
  storedTensor,
  type StoredTensor,
  type TensorFacts,
} from './stored-tensor.ts'

/**
 * Graphs take a few MB even for models of many GB; the rest leaves room for constants inside nodes,
 * which are not lazy. Decoding takes a few times this much memory.
 */
const MAX_SKELETON_BYTES = 512_000_000

/** A transformer of 100 layers has some 200,000. Each costs memory once decoded. */
const MAX_FIELDS = 20_000_000

/** Three levels a nested graph; the protobuf library refuses more than 100. */
const MAX_DEPTH = 100

/**
 * Reads an ONNX file. Initializers above 1 KiB, and all that lie in external files, become lazy
 * weights; everything else, unknown fields included, is in `model`. An initializer that is a weight
 * keeps name, dims and data type; its values and external_data are cleared.
 *
 * External files stay open as long as the document is used; on failure they are closed.
 */
export async function readOnnx(source: ByteSource, files: ExternalFiles): Promise<OnnxDocument> {
  const skeleton = await readSkeleton(source, MAX_SKELETON_BYTES)
  const model = decodeModel(source.name, skeleton.bytes)
  const externals = new ExternalSources(files)
  try {
    const external = new Map<string, ExternalRegion>()
    const weights = await readWeights(source, model, skeleton.regions, { externals, external })
    await inlineNestedTensors(source.name, model, externals, MAX_SKELETON_BYTES)
    return { format: 'onnx', model, weights, external }
  } catch (error) {
    await externals.close()
    throw error
  }
}

/**
 * An initializer of the main graph, lazy or not; `undefined` when there is none of this name or
 * its data type is not a `DType`.
 */
export function initializer(document: OnnxDocument, name: string): StoredTensor | undefined {
  const weight = document.weights.get(name)
  if (weight?.readStoredRows !== undefined) {
    return { ...weight, readStoredRows: weight.readStoredRows }
  }
  const tensor = document.model.graph?.initializer.find((candidate) => candidate.name === name)
  const dtype = DTYPES.get(tensor?.dataType ?? 0)
  if (tensor === undefined || dtype === undefined) return undefined
  return inlineTensor('model', tensor, dtype)
}

function decodeModel(file: string, bytes: Uint8Array): ModelProto {
  checkMessage(bytes, ModelProtoSchema, file, { depth: MAX_DEPTH, fields: MAX_FIELDS })
  const model = decode(file, bytes)
  ensure(
    model.graph !== undefined && model.opsetImport.length > 0,
    'malformed',
    `"${file}" has no ${model.graph === undefined ? 'graph' : 'operator set'}. ` +
      'It is not an ONNX model, or it is cut.',
    { file },
  )
  return model
}

function decode(file: string, bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw new MixbitError(
      'malformed',
      `"${file}" is not a readable ONNX model: ${String(cause)}`,
      { file },
      { cause },
    )
  }
}

/** Other files, and where in them each initializer was found. */
type Outside = {
  readonly externals: ExternalSources
  readonly external: Map<string, ExternalRegion>
}

async function readWeights(
  source: ByteSource,
  model: ModelProto,
  regions: readonly (DataRegion | undefined)[],
  outside: Outside,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const weights = new Map<string, StoredTensor>()
  const names = new Set<string>()
  for (const [i, tensor] of (model.graph?.initializer ?? []).entries()) {
    ensure(
      tensor.name !== '' && !names.has(tensor.name),
      'malformed',
      `"${source.name}" has ${tensor.name === '' ? 'an initializer without a name' : `two initializers "${tensor.name}"`}.`,
      { file: source.name, tensor: tensor.name },
    )
    names.add(tensor.name)
    const weight = await readWeight(source, tensor, regions[i], outside)
    if (weight !== undefined) weights.set(tensor.name, weight)
  }
  return weights
}

/** The lazy weight of an initializer; `undefined` when its values stay in the message. */
async function readWeight(
  source: ByteSource,
  tensor: TensorProto,
  region: DataRegion | undefined,
  { externals, external }: Outside,
): Promise<StoredTensor | undefined> {
  const file = source.name
  const isExternal = tensor.dataLocation === TensorProto_DataLocation.EXTERNAL
  const dtype = DTYPES.get(tensor.dataType)
  if (dtype === undefined) {
    ensureCarried(file, tensor, isExternal)
    return undefined
  }
  if (isExternal) {
    ensureNotInline(file, tensor, dtype, region)
    const weight = await externalTensor(file, tensor, dtype, externals)
    external.set(tensor.name, externalRegion(file, tensor))
    clearField(tensor, TensorProtoSchema.field.externalData)
    clearField(tensor, TensorProtoSchema.field.dataLocation)
    return weight
  }
  if (region !== undefined) return lazyTensor(source, tensor, dtype, region)
  inlineTensor(file, tensor, dtype)
  return undefined
}

function ensureNotInline(
  file: string,
  tensor: TensorProto,
  dtype: DType,
  region: DataRegion | undefined,
): void {
  const isEmpty = inlineBytes(file, tensor, factsOf(file, tensor, dtype)).length === 0
  ensure(
    region === undefined && isEmpty,
    'malformed',
    `Tensor "${tensor.name}" of "${file}" is external and also has values in the file.`,
    { file, tensor: tensor.name },
  )
}

/** A data type that Mixbit does not know is carried inside the file, where nothing depends on it. */
function ensureCarried(file: string, tensor: TensorProto, isExternal: boolean): void {
  ensure(
    tensor.dataType !== 0,
    'malformed',
    `Tensor "${tensor.name}" of "${file}" has no data type.`,
    { file, tensor: tensor.name },
  )
  ensure(
    !isExternal,
    'unsupported-dtype',
    `Tensor "${tensor.name}" of "${file}" has ONNX data type ${tensor.dataType} in an external file; ` +
      'store it inside the ONNX file.',
    { file, tensor: tensor.name, dataType: tensor.dataType },
  )
}

async function lazyTensor(
  source: ByteSource,
  tensor: TensorProto,
  dtype: DType,
  region: DataRegion,
): Promise<StoredTensor> {
  const facts = factsOf(source.name, tensor, dtype)
  ensureField(source.name, facts, region.field)
  if (isVerbatim(region)) {
    ensureBytes(source.name, tensor.name, dtype, facts.shape, region.end - region.start)
    return regionTensor(facts, source, region.start)
  }
  const values = await varintBytes(source, region, dtype)
  ensureBytes(source.name, tensor.name, dtype, facts.shape, values.sizeInBytes)
  return storedTensor(facts, values.readBytes)
}

/** An external tensor of the main graph; the bytes are checked to be there, not read. */
async function externalTensor(
  file: string,
  tensor: TensorProto,
  dtype: DType,
  externals: ExternalSources,
): Promise<StoredTensor> {
  const facts = factsOf(file, tensor, dtype)
  const { path, offset, length } = externalRegion(file, tensor)
  if (length !== undefined) ensureBytes(file, tensor.name, dtype, facts.shape, length)
  const external = await externals.open(path)
  ensureInside(file, tensor.name, external, offset, sizeOf(facts))
  return regionTensor(facts, external, offset)
}

function inlineTensor(file: string, tensor: TensorProto, dtype: DType): StoredTensor {
  const facts = factsOf(file, tensor, dtype)
  const bytes = inlineBytes(file, tensor, facts)
  ensureBytes(file, tensor.name, dtype, facts.shape, bytes.length)
  return memoryTensor(facts, bytes)
}

function factsOf(file: string, tensor: TensorProto, dtype: DType): TensorFacts {
  return { name: tensor.name, dtype, shape: shapeOf(file, tensor) }
}
