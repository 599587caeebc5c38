import type {
  Block,
  BlobFileValue,
  NamedValueType,
  Operation,
  Program,
  Value,
  ValueEntry,
  ValueType,
} from './generated/coreml_pb.ts'

/** A value, and what it belongs to: `weight_0` of a constant, `linear_0.bias` of a parameter. */
export type OwnedValue = { readonly value: Value; readonly owner: string }

/** Every value of a program, wherever it stands: attributes, literals, types, inside other values. */
export function* programValues(program: Program): Generator<Value> {
  for (const { value } of ownedValues(program)) yield value
}

/** The same with their owners. */
export function* ownedValues(program: Program): Generator<OwnedValue> {
  yield* owned('program', entryValues(program.attributes))
  for (const { key, value } of program.functions) {
    if (value === undefined) continue
    yield* owned(key, namedValues(value.inputs))
    yield* owned(key, entryValues(value.attributes))
    for (const entry of value.blockSpecializations) {
      if (entry.value !== undefined) yield* blockValues(entry.value, key)
    }
  }
}

function* owned(owner: string, values: Iterable<Value>): Generator<OwnedValue> {
  for (const value of values) yield { value, owner }
}

/** The references to weight files among them. */
export function* blobReferences(program: Program): Generator<BlobFileValue> {
  for (const { value } of programValues(program)) {
    if (value.case === 'blobFileValue') yield value.value
  }
}

function* blockValues(block: Block, owner: string): Generator<OwnedValue> {
  yield* owned(owner, namedValues(block.inputs))
  yield* owned(owner, entryValues(block.attributes))
  for (const operation of block.operations) yield* operationValues(operation)
}

function* operationValues(operation: Operation): Generator<OwnedValue> {
  const name = operation.outputs[0]?.name ?? operation.type
  yield* owned(name, entryValues(operation.attributes))
  yield* owned(name, namedValues(operation.outputs))
  for (const { key, value } of operation.inputs) {
    for (const { binding } of value?.arguments ?? []) {
      if (binding.case === 'value') yield* owned(`${name}.${key}`, nestedValues(binding.value))
    }
  }
  for (const block of operation.blocks) yield* blockValues(block, name)
}

function* entryValues(entries: readonly ValueEntry[]): Generator<Value> {
  for (const { value } of entries) if (value !== undefined) yield* nestedValues(value)
}

function* namedValues(named: readonly NamedValueType[]): Generator<Value> {
  for (const { type } of named) yield* typeValues(type)
}

/** Attributes of a tensor type are values, too. */
function* typeValues(type: ValueType | undefined): Generator<Value> {
  switch (type?.type.case) {
    case 'tensorType':
      yield* entryValues(type.type.value.attributes)
      break
    case 'listType':
      yield* typeValues(type.type.value.type)
      break
    case 'tupleType':
      for (const each of type.type.value.types) yield* typeValues(each)
      break
    case 'dictionaryType':
      yield* typeValues(type.type.value.keyType)
      yield* typeValues(type.type.value.valueType)
      break
    case 'stateType':
      yield* typeValues(type.type.value.wrappedType)
      break
    case undefined:
      break
  }
}

function* nestedValues(value: Value): Generator<Value> {
  yield value
  yield* typeValues(value.type)
  if (value.value.case !== 'immediateValue') return
  const held = value.value.value.value
  switch (held.case) {
    case 'list':
    case 'tuple':
      for (const each of held.value.values) yield* nestedValues(each)
      break
    case 'dictionary':
      for (const pair of held.value.values) {
        if (pair.key !== undefined) yield* nestedValues(pair.key)
        if (pair.value !== undefined) yield* nestedValues(pair.value)
      }
      break
    case 'tensor':
    case undefined:
      break
  }
}
