import { create } from '@bufbuild/protobuf'

import { ONNX_DATA_TYPE } from './data-types.ts'
import type { TensorProto } from './generated/onnx_pb.ts'
import { TensorProtoSchema } from './generated/onnx_pb.ts'

/** An initializer that holds a shape, as Reshape wants it: int64, shape (rank). */
export function shapeTensor(name: string, shape: readonly number[]): TensorProto {
  const values = new BigInt64Array(shape.map(BigInt))
  return create(TensorProtoSchema, {
    name,
    dims: [BigInt(shape.length)],
    dataType: ONNX_DATA_TYPE.int64,
    rawData: new Uint8Array(values.buffer),
  })
}
