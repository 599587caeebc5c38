import type { DType } from '../../tensor/dtype.ts'
import { TensorProto_DataType } from './generated/onnx_pb.ts'

/** Element types as ONNX numbers them (TensorProto.DataType). */
export const ONNX_DATA_TYPE: Readonly<Record<DType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
  float64: TensorProto_DataType.DOUBLE,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  int16: TensorProto_DataType.INT16,
  int8: TensorProto_DataType.INT8,
  uint8: TensorProto_DataType.UINT8,
  uint16: TensorProto_DataType.UINT16,
  uint32: TensorProto_DataType.UINT32,
  uint64: TensorProto_DataType.UINT64,
  int4: TensorProto_DataType.INT4,
  uint4: TensorProto_DataType.UINT4,
  int2: TensorProto_DataType.INT2,
  uint2: TensorProto_DataType.UINT2,
  bool: TensorProto_DataType.BOOL,
}
