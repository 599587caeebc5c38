import type { DType } from '../../tensor/dtype.ts'
import { TensorProto_DataType } from './generated/onnx_pb.ts'

const T = TensorProto_DataType

/**
 * ONNX data types that Mixbit reads. Strings, complex numbers and 8- and 4-bit floats are carried
 * as they are.
 */
export const DTYPES: ReadonlyMap<number, DType> = new Map<number, DType>([
  [T.FLOAT, 'float32'],
  [T.UINT8, 'uint8'],
  [T.INT8, 'int8'],
  [T.UINT16, 'uint16'],
  [T.INT16, 'int16'],
  [T.INT32, 'int32'],
  [T.INT64, 'int64'],
  [T.BOOL, 'bool'],
  [T.FLOAT16, 'float16'],
  [T.DOUBLE, 'float64'],
  [T.UINT32, 'uint32'],
  [T.UINT64, 'uint64'],
  [T.BFLOAT16, 'bfloat16'],
  [T.UINT4, 'uint4'],
  [T.INT4, 'int4'],
  [T.UINT2, 'uint2'],
  [T.INT2, 'int2'],
])
