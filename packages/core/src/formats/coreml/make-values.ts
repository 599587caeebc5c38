import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { elementsOf } from '../../tensor/weight.ts'
import {
  ArgumentEntrySchema,
  ArgumentSchema,
  BindingSchema,
  NamedValueTypeSchema,
  OperationSchema,
  TensorValueSchema,
  ValueEntrySchema,
  ValueSchema,
} from './generated/coreml_pb.ts'
import type { ArgumentEntry, NamedValueType, Operation, Value } from './generated/coreml_pb.ts'
import type { StaticTensor } from './value-types.ts'
import { tensorType } from './value-types.ts'

type TensorInit = NonNullable<MessageInitShape<typeof TensorValueSchema>['value']>

/** Arrays from this many values on belong into the weight file. */
const FEWEST_IN_FILE = 10

/**
 * Whether an array stands in the weight file, as coremltools has it.
 *
 * @see https://github.com/apple/coremltools/blob/main/coremltools/converters/mil/backend/mil/load.py
 */
export function belongsInFile(shape: readonly number[]): boolean {
  return elementsOf(shape) >= FEWEST_IN_FILE
}

/** A reference to a blob. */
export function blobValue(type: StaticTensor, fileName: string, offset: number): Value {
  const value = { fileName, offset: BigInt(offset) }
  return create(ValueSchema, {
    type: tensorType(type),
    value: { case: 'blobFileValue', value },
  })
}

/** An array that stands in the program, from its packed little-endian bytes. */
export function literalValue(type: StaticTensor, bytes: Uint8Array): Value {
  if (type.dtype !== 'float32') {
    return immediate(type, { case: 'bytes', value: { values: new Uint8Array(bytes) } })
  }
  const values = new Float32Array(new Uint8Array(bytes).buffer)
  return immediate(type, { case: 'floats', value: { values: [...values] } })
}

/** A single int32. */
export function integerValue(value: number): Value {
  return immediate({ dtype: 'int32', shape: [] }, { case: 'ints', value: { values: [value] } })
}

/** A single truth value. */
export function booleanValue(value: boolean): Value {
  return immediate({ dtype: 'bool', shape: [] }, { case: 'bools', value: { values: [value] } })
}

/** A single text. */
export function stringValue(value: string): Value {
  return immediate({ dtype: 'string', shape: [] }, { case: 'strings', value: { values: [value] } })
}

/** Sizes as iOS 16 wants them: a list of uint32. */
export function sizesValue(sizes: readonly number[]): Value {
  const bytes = new Uint8Array(Uint32Array.from(sizes).buffer)
  return literalValue({ dtype: 'uint32', shape: [sizes.length] }, bytes)
}

function immediate(type: StaticTensor, value: TensorInit): Value {
  const tensor = create(TensorValueSchema, { value })
  return create(ValueSchema, {
    type: tensorType(type),
    value: { case: 'immediateValue', value: { value: { case: 'tensor', value: tensor } } },
  })
}

/** What an operation reads: a literal, or the name of a value before it. */
export type Bound = Value | string

/** An operation; `name` is also what it says that it is called. */
export function makeOperation(request: {
  readonly type: string
  readonly name: string
  readonly attributes?: Readonly<Record<string, Value>>
  readonly inputs?: Readonly<Record<string, Bound>>
  readonly outputs: readonly NamedValueType[]
}): Operation {
  const attributes = { name: stringValue(request.name), ...request.attributes }
  return create(OperationSchema, {
    type: request.type,
    inputs: Object.entries(request.inputs ?? {}).map(([key, bound]) => argument(key, bound)),
    outputs: [...request.outputs],
    attributes: Object.entries(attributes).map(([key, value]) =>
      create(ValueEntrySchema, { key, value }),
    ),
  })
}

/** A parameter with one binding. */
export function argument(key: string, bound: Bound): ArgumentEntry {
  const binding =
    typeof bound === 'string'
      ? create(BindingSchema, { binding: { case: 'name', value: bound } })
      : create(BindingSchema, { binding: { case: 'value', value: bound } })
  return create(ArgumentEntrySchema, {
    key,
    value: create(ArgumentSchema, { arguments: [binding] }),
  })
}

/** An output. */
export function output(name: string, type: StaticTensor): NamedValueType {
  return create(NamedValueTypeSchema, { name, type: tensorType(type) })
}

/** A constant that operations read by its name. */
export function constant(name: string, value: Value): Operation {
  return makeOperation({
    type: 'const',
    name,
    attributes: { val: value },
    outputs: [
      create(
        NamedValueTypeSchema,
        value.type === undefined ? { name } : { name, type: value.type },
      ),
    ],
  })
}
