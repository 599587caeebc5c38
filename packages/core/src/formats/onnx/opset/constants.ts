import { create } from '@bufbuild/protobuf'

import { floatToBfloat16, floatToHalf } from '../../../tensor/float16.ts'
import { TensorProto_DataType, TensorProtoSchema, type TensorProto } from '../generated/onnx_pb.ts'

/** Values that decide how a node is rewritten (scales, sizes) are few; longer tensors are not read. */
const MAX_VALUES = 1024

/** Element types of the constants that rules add. */
export type FloatType =
  | typeof TensorProto_DataType.FLOAT
  | typeof TensorProto_DataType.FLOAT16
  | typeof TensorProto_DataType.BFLOAT16
  | typeof TensorProto_DataType.DOUBLE
type ConstantType = FloatType | typeof TensorProto_DataType.INT64

/** A small tensor to add to a model. */
export type NewConstant = {
  readonly elementType: ConstantType
  readonly dims: readonly number[]
  readonly values: readonly (number | bigint)[]
}

/** A list of int64, as axes and pads are given. */
export function int64List(values: readonly (number | bigint)[]): NewConstant {
  return { elementType: TensorProto_DataType.INT64, dims: [values.length], values }
}

/** A scalar float of the given type. */
export function scalar(elementType: FloatType, value: number): NewConstant {
  return { elementType, dims: [], values: [value] }
}

export const FLOAT_TYPES: readonly FloatType[] = [
  TensorProto_DataType.FLOAT,
  TensorProto_DataType.FLOAT16,
  TensorProto_DataType.BFLOAT16,
  TensorProto_DataType.DOUBLE,
]

/** Makes a TensorProto with its values in raw_data. */
export function constantTensor(name: string, constant: NewConstant): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: constant.elementType,
    dims: constant.dims.map(BigInt),
    rawData: rawBytes(constant),
  })
}

function rawBytes({ elementType, values }: NewConstant): Uint8Array {
  const width = widthOf(elementType)
  const bytes = new Uint8Array(values.length * width)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of values.entries()) writeValue(view, i * width, elementType, value)
  return bytes
}

function widthOf(elementType: ConstantType): number {
  switch (elementType) {
    case TensorProto_DataType.FLOAT16:
    case TensorProto_DataType.BFLOAT16:
      return 2
    case TensorProto_DataType.FLOAT:
      return 4
    case TensorProto_DataType.DOUBLE:
    case TensorProto_DataType.INT64:
      return 8
  }
}

function writeValue(
  view: DataView,
  at: number,
  elementType: ConstantType,
  value: number | bigint,
): void {
  if (elementType === TensorProto_DataType.INT64) view.setBigInt64(at, BigInt(value), true)
  else if (elementType === TensorProto_DataType.FLOAT) view.setFloat32(at, Number(value), true)
  else if (elementType === TensorProto_DataType.DOUBLE) view.setFloat64(at, Number(value), true)
  else if (elementType === TensorProto_DataType.FLOAT16)
    view.setUint16(at, floatToHalf(Number(value)), true)
  else view.setUint16(at, floatToBfloat16(Number(value)), true)
}

/**
 * The values of a small tensor of float32, float64, int32 or int64; `undefined` for other types and
 * when the message does not hold them (they are in an external file, or read lazily).
 */
export function tensorNumbers(tensor: TensorProto): readonly number[] | undefined {
  const count = tensor.dims.reduce((product, dim) => product * Number(dim), 1)
  if (!(count <= MAX_VALUES)) return undefined
  const values = tensor.rawData.length > 0 ? rawNumbers(tensor) : fieldNumbers(tensor)
  return values?.length === count ? values : undefined
}

function fieldNumbers(tensor: TensorProto): readonly number[] | undefined {
  switch (tensor.dataType) {
    case TensorProto_DataType.FLOAT:
      return tensor.floatData
    case TensorProto_DataType.DOUBLE:
      return tensor.doubleData
    case TensorProto_DataType.INT32:
      return tensor.int32Data
    case TensorProto_DataType.INT64:
      return tensor.int64Data.map(Number)
  }
  return undefined
}

function rawNumbers({ rawData, dataType }: TensorProto): readonly number[] | undefined {
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength)
  const read = (width: number, at: (offset: number) => number): readonly number[] =>
    Array.from({ length: Math.floor(rawData.byteLength / width) }, (_, i) => at(i * width))
  switch (dataType) {
    case TensorProto_DataType.FLOAT:
      return read(4, (at) => view.getFloat32(at, true))
    case TensorProto_DataType.DOUBLE:
      return read(8, (at) => view.getFloat64(at, true))
    case TensorProto_DataType.INT32:
      return read(4, (at) => view.getInt32(at, true))
    case TensorProto_DataType.INT64:
      return read(8, (at) => Number(view.getBigInt64(at, true)))
  }
  return undefined
}
