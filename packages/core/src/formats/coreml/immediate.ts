import type { TensorValue, Value } from './generated/coreml_pb.ts'
import type { MilDtype } from './mil-dtype.ts'

/** The tensor that a value holds itself; `undefined` for lists, references and the like. */
function immediateTensor(value: Value | undefined): TensorValue['value'] | undefined {
  if (value?.value.case !== 'immediateValue') return undefined
  const held = value.value.value.value
  return held.case === 'tensor' ? held.value.value : undefined
}

/** The numbers of an integer or boolean tensor that a value holds itself. */
export function immediateIntegers(value: Value | undefined): readonly number[] | undefined {
  const tensor = immediateTensor(value)
  switch (tensor?.case) {
    case 'ints':
      return tensor.value.values
    case 'longInts':
      return tensor.value.values.map(Number)
    case 'bools':
      return tensor.value.values.map(Number)
    case 'floats':
    case 'doubles':
    case 'strings':
    case 'bytes':
    case undefined:
      return undefined
  }
}

/** The only string that a value holds itself. */
export function immediateString(value: Value | undefined): string | undefined {
  const tensor = immediateTensor(value)
  return tensor?.case === 'strings' && tensor.value.values.length === 1
    ? tensor.value.values[0]
    : undefined
}

/**
 * The packed little-endian bytes of a tensor that a value holds itself, as a weight file would hold
 * them; `undefined` where its field does not go with its dtype.
 */
export function immediateBytes(value: Value, dtype: MilDtype): Uint8Array | undefined {
  const tensor = immediateTensor(value)
  switch (tensor?.case) {
    case 'bytes':
      return tensor.value.values
    case 'floats':
      return dtype === 'float32' ? bytesOf(Float32Array.from(tensor.value.values)) : undefined
    case 'doubles':
      return dtype === 'float64' ? bytesOf(Float64Array.from(tensor.value.values)) : undefined
    case 'ints':
      return integerBytes(tensor.value.values, dtype)
    case 'longInts':
      return longBytes(tensor.value.values, dtype)
    case 'bools':
      return dtype === 'bool' ? Uint8Array.from(tensor.value.values, Number) : undefined
    case 'strings':
    case undefined:
      return undefined
  }
}

function integerBytes(values: readonly number[], dtype: MilDtype): Uint8Array | undefined {
  switch (dtype) {
    case 'int8':
    case 'uint8':
      return Uint8Array.from(values)
    case 'int16':
    case 'uint16':
      return bytesOf(Uint16Array.from(values))
    case 'int32':
    case 'uint32':
      return bytesOf(Uint32Array.from(values))
    default:
      return undefined
  }
}

function longBytes(values: readonly bigint[], dtype: MilDtype): Uint8Array | undefined {
  return dtype === 'int64' || dtype === 'uint64' ? bytesOf(BigInt64Array.from(values)) : undefined
}

function bytesOf(
  values: Float32Array | Float64Array | Uint16Array | Uint32Array | BigInt64Array,
): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
