import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { startBlobFile, paddingOf } from '../../src/formats/coreml/blob-writer.ts'
import {
  ArrayFeatureTypeSchema,
  BlockEntrySchema,
  BlockSchema,
  FeatureDescriptionSchema,
  FeatureTypeSchema,
  FunctionDescriptionSchema,
  FunctionEntrySchema,
  MilFunctionSchema,
  ModelDescriptionSchema,
  ModelSchema,
  ProgramSchema,
  TensorValueSchema,
  ValueSchema,
} from '../../src/formats/coreml/generated/coreml_pb.ts'
import type {
  FeatureDescription,
  Model,
  Operation,
  Value,
} from '../../src/formats/coreml/generated/coreml_pb.ts'
import {
  argument,
  blobValue,
  booleanValue,
  constant,
  integerValue,
  makeOperation,
  output,
} from '../../src/formats/coreml/make-values.ts'
import type { Bound } from '../../src/formats/coreml/make-values.ts'
import { packedBytes } from '../../src/formats/coreml/mil-dtype.ts'
import type { MilDtype } from '../../src/formats/coreml/mil-dtype.ts'
import { staticTensor } from '../../src/formats/coreml/value-types.ts'
import type { StaticTensor } from '../../src/formats/coreml/value-types.ts'
import { floatToHalf } from '../../src/tensor/float16.ts'
import { elementsOf } from '../../src/tensor/weight.ts'
import { seededNumbers } from './coreml-encoding.ts'
import { memoryHost } from './memory-host.ts'
import type { MemoryHost } from './memory-host.ts'

export const PACKAGE = 'm.mlpackage'
export const MODEL_PATH = 'Data/com.apple.CoreML/model.mlmodel'
export const WEIGHTS_PATH = 'Data/com.apple.CoreML/weights/weight.bin'
export const WEIGHTS_NAME = '@model_path/weights/weight.bin'

/** Arrays of a weight file that is being put together, each at the offset that values refer to. */
export type TestBlobs = {
  readonly add: (type: StaticTensor, packed: Uint8Array) => Value
  readonly arrays: readonly TestArray[]
}

type TestArray = { readonly type: StaticTensor; readonly packed: Uint8Array }

export function testBlobs(): TestBlobs {
  const arrays: TestArray[] = []
  let end = 64
  return {
    arrays,
    add(type, packed) {
      const offset = Math.ceil(end / 64) * 64
      end = offset + 64 + packed.length
      arrays.push({ type, packed })
      return blobValue(type, WEIGHTS_NAME, offset)
    },
  }
}

/** The bytes of a weight file. */
export async function blobBytes({ arrays }: TestBlobs): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const sink = {
    name: 'weight.bin',
    write: (bytes: Uint8Array) => Promise.resolve(void pieces.push(bytes.slice())),
    close: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
  const writer = await startBlobFile(sink, arrays.length)
  for (const { type, packed } of arrays) {
    const elements = elementsOf(type.shape)
    const header = {
      dtype: type.dtype,
      bytes: packedBytes(type.dtype, elements),
      paddingBits: paddingOf(type.dtype, elements),
    }
    await writer.write(header, one(packed))
  }
  return new Uint8Array(Buffer.concat(pieces))
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes)
}

/** Packed float16 or float32 values. */
export function floatBytes(values: Iterable<number>, dtype: MilDtype): Uint8Array {
  const stored =
    dtype === 'float16' ? Uint16Array.from([...values].map(floatToHalf)) : Float32Array.from(values)
  return new Uint8Array(stored.buffer)
}

/** Made-up values of a shape, exact in float16, the same for a seed. */
export function madeUp(shape: readonly number[], seed: number): readonly number[] {
  const random = seededNumbers(seed)
  return Array.from({ length: elementsOf(shape) }, () => (Math.round(random() * 2048) - 1024) / 512)
}

/** Operations of a function, written one after another. */
export type TestBody = {
  readonly operations: Operation[]
  readonly outputs: string[]
}

/** Writes operations into `body`. */
export type TestBuilder = {
  readonly body: TestBody
  readonly blobs: TestBlobs
  /** A float constant in the weight file. */
  readonly weight: (name: string, shape: readonly number[], options?: WeightOptions) => void
  /** A constant of any value. */
  readonly constant: (name: string, value: Value) => void
  readonly op: (
    type: string,
    inputs: Readonly<Record<string, Bound | readonly string[]>>,
    name: string,
    result?: StaticTensor,
  ) => void
  /** An operation with parameters as attributes, as iOS 16 has them. */
  readonly attributes: (
    type: string,
    parameters: Readonly<Record<string, Value>>,
    name: string,
    result: StaticTensor,
  ) => void
}

type WeightOptions = { readonly dtype?: 'float16' | 'float32'; readonly seed?: number }

const HALF_ROW: StaticTensor = { dtype: 'float16', shape: [1, 4] }

export function testBuilder(blobs: TestBlobs = testBlobs()): TestBuilder {
  const body: TestBody = { operations: [], outputs: [] }
  const { operations } = body
  return {
    body,
    blobs,
    weight(name, shape, { dtype = 'float16', seed = operations.length } = {}) {
      const value = blobs.add({ dtype, shape }, floatBytes(madeUp(shape, seed), dtype))
      operations.push(constant(name, value))
    },
    constant: (name, value) => void operations.push(constant(name, value)),
    op(type, inputs, name, result = HALF_ROW) {
      const single: Record<string, Bound> = {}
      for (const [key, bound] of Object.entries(inputs)) if (!isList(bound)) single[key] = bound
      const operation = makeOperation({
        type,
        name,
        inputs: single,
        outputs: [output(name, result)],
      })
      for (const [key, bound] of Object.entries(inputs)) {
        if (!isList(bound)) continue
        const all = bound.flatMap((each) => argument(key, each).value?.arguments ?? [])
        const entry = argument(key, '')
        if (entry.value !== undefined) entry.value.arguments = all
        operation.inputs.push(entry)
      }
      operations.push(operation)
    },
    attributes: (type, attributes, name, result) =>
      void operations.push(
        makeOperation({ type, name, attributes, outputs: [output(name, result)] }),
      ),
  }
}

function isList(bound: Bound | readonly string[]): bound is readonly string[] {
  return Array.isArray(bound)
}

export const TRUE: Value = booleanValue(true)
export const INT: (value: number) => Value = integerValue

/** A list of int32. */
export function intsValue(values: readonly number[]): Value {
  return listValue({ case: 'ints', value: { values: [...values] } })
}

/** A list of truth values. */
export function maskValue(values: readonly boolean[]): Value {
  return listValue({ case: 'bools', value: { values: [...values] } })
}

function listValue(value: NonNullable<MessageInitShape<typeof TensorValueSchema>['value']>): Value {
  const tensor = create(TensorValueSchema, { value })
  return create(ValueSchema, {
    value: { case: 'immediateValue', value: { value: { case: 'tensor', value: tensor } } },
  })
}

export type TestFunction = {
  readonly body: TestBody
  readonly inputs?: Readonly<Record<string, StaticTensor>>
  readonly opset?: string
}

/** A model of these functions; one named `main` stands alone. */
export function testModel(functions: Readonly<Record<string, TestFunction>>, spec = 8): Model {
  const names = Object.keys(functions)
  const [first = ''] = names
  const main = functions[first]
  return create(ModelSchema, {
    specificationVersion: spec,
    description: create(
      ModelDescriptionSchema,
      names.length > 1
        ? {
            functions: names.map((name) => describedFunction(name, functions[name])),
            defaultFunctionName: first,
          }
        : { input: inputFeatures(main), output: outputFeatures(main) },
    ),
    mlProgram: create(ProgramSchema, {
      version: 1n,
      functions: names.map((key) =>
        create(FunctionEntrySchema, { key, value: milFunction(functions[key], spec) }),
      ),
    }),
  })
}

const X: Readonly<Record<string, StaticTensor>> = { x: HALF_ROW }

function milFunction(request: TestFunction | undefined, spec: number) {
  const { body, inputs = X, opset = `CoreML${spec - 1}` } = request ?? { body: testBuilder().body }
  return create(MilFunctionSchema, {
    opset,
    inputs: Object.entries(inputs).map(([name, type]) => output(name, type)),
    blockSpecializations: [
      create(BlockEntrySchema, {
        key: opset,
        value: create(BlockSchema, { operations: body.operations, outputs: body.outputs }),
      }),
    ],
  })
}

function describedFunction(name: string, request: TestFunction | undefined) {
  return create(FunctionDescriptionSchema, {
    name,
    input: inputFeatures(request),
    output: outputFeatures(request),
  })
}

function inputFeatures(request: TestFunction | undefined): FeatureDescription[] {
  return Object.entries(request?.inputs ?? X).map(([name, type]) => feature(name, type))
}

function outputFeatures(request: TestFunction | undefined): FeatureDescription[] {
  const given = new Map(
    request?.body.operations.flatMap(({ outputs }) =>
      outputs.map(({ name, type }) => [name, type]),
    ),
  )
  return (request?.body.outputs ?? []).map((name) =>
    feature(name, staticTensor(given.get(name)) ?? HALF_ROW),
  )
}

const ARRAY_TYPES: Readonly<Partial<Record<MilDtype, number>>> = {
  float16: 65552,
  float32: 65568,
  int32: 131104,
}

function feature(name: string, { dtype, shape }: StaticTensor): FeatureDescription {
  return create(FeatureDescriptionSchema, {
    name,
    type: create(FeatureTypeSchema, {
      multiArrayType: create(ArrayFeatureTypeSchema, {
        shape: shape.map(BigInt),
        dataType: ARRAY_TYPES[dtype] ?? 0,
      }),
    }),
  })
}

export const MANIFEST_TEXT: string = JSON.stringify({
  fileFormatVersion: '1.0.0',
  itemInfoEntries: {
    'id-model': {
      author: 'com.apple.CoreML',
      description: 'CoreML Model Specification',
      name: 'model.mlmodel',
      path: 'com.apple.CoreML/model.mlmodel',
    },
    'id-weights': {
      author: 'com.apple.CoreML',
      description: 'CoreML Model Weights',
      name: 'weights',
      path: 'com.apple.CoreML/weights',
    },
  },
  rootModelIdentifier: 'id-model',
})

/** The files of a package, by their paths on a host. */
export async function testFiles(model: Model, blobs: TestBlobs): Promise<Map<string, Uint8Array>> {
  return new Map([
    [`${PACKAGE}/Manifest.json`, new TextEncoder().encode(MANIFEST_TEXT)],
    [`${PACKAGE}/${MODEL_PATH}`, toBinary(ModelSchema, model)],
    [`${PACKAGE}/${WEIGHTS_PATH}`, await blobBytes(blobs)],
  ])
}

/** A host with a package of these functions. */
export async function testHost(
  functions: Readonly<Record<string, TestFunction>>,
  blobs: TestBlobs,
  spec = 8,
): Promise<MemoryHost> {
  return memoryHost(await testFiles(testModel(functions, spec), blobs))
}
