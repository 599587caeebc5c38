import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  ModelProtoSchema,
  TensorProto_DataType,
} from '../../core/src/formats/onnx/generated/onnx_pb.ts'
import type {
  NodeProtoSchema,
  TensorProtoSchema,
} from '../../core/src/formats/onnx/generated/onnx_pb.ts'

export const Dtype: typeof TensorProto_DataType = TensorProto_DataType

export type Value = {
  readonly name: string
  readonly dtype: TensorProto_DataType
  readonly shape: readonly (number | string)[]
}

/** The bytes of an ONNX file, opset 21, with these nodes. */
export function onnxModel(
  nodes: readonly MessageInitShape<typeof NodeProtoSchema>[],
  inputs: readonly Value[],
  outputs: readonly Value[],
  initializer: readonly MessageInitShape<typeof TensorProtoSchema>[] = [],
): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ version: 21n }],
    graph: {
      name: 'test',
      node: [...nodes],
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
      initializer: [...initializer],
    },
  })
  return toBinary(ModelProtoSchema, model)
}

/** `y = x`, of any shape with one dimension. */
export function identityModel(dtype: TensorProto_DataType): Uint8Array {
  return onnxModel(
    [{ opType: 'Identity', input: ['x'], output: ['y'] }],
    [{ name: 'x', dtype, shape: ['n'] }],
    [{ name: 'y', dtype, shape: ['n'] }],
  )
}

/** `y = x + x` and `z = x * x`, of shape (n, 2). */
export function twoOutputModel(dtype: TensorProto_DataType): Uint8Array {
  const value = (name: string): Value => ({ name, dtype, shape: ['n', 2] })
  return onnxModel(
    [
      { opType: 'Add', input: ['x', 'x'], output: ['y'] },
      { opType: 'Mul', input: ['x', 'x'], output: ['z'] },
    ],
    [value('x')],
    [value('y'), value('z')],
  )
}

/** `steps` products of the (size, size) input with itself. */
export function heavyModel(size: number, steps: number): Uint8Array {
  const nodes = Array.from({ length: steps }, (_, step) => ({
    opType: 'MatMul',
    input: [step === 0 ? 'x' : `h${step}`, 'x'],
    output: [step === steps - 1 ? 'y' : `h${step + 1}`],
  }))
  const value = (name: string): Value => ({ name, dtype: Dtype.FLOAT, shape: [size, size] })
  return onnxModel(nodes, [value('x')], [value('y')])
}

/**
 * `y = x · decoded weight`, with an int4 weight of shape (64, 32) in blocks of 32 along axis 0. All
 * scales are 0.25.
 *
 * @param codes - uint8, two codes a byte, low nibble first
 */
export function blockedModel(codes: Uint8Array): Uint8Array {
  const scales = new Float32Array(2 * 32).fill(0.25)
  return onnxModel(
    [
      {
        opType: 'DequantizeLinear',
        input: ['codes', 'scale'],
        output: ['w'],
        attribute: [
          { name: 'axis', type: 2, i: 0n },
          { name: 'block_size', type: 2, i: 32n },
        ],
      },
      { opType: 'MatMul', input: ['x', 'w'], output: ['y'] },
    ],
    [{ name: 'x', dtype: Dtype.FLOAT, shape: ['n', 64] }],
    [{ name: 'y', dtype: Dtype.FLOAT, shape: ['n', 32] }],
    [
      { name: 'codes', dims: [64n, 32n], dataType: Dtype.INT4, rawData: codes },
      {
        name: 'scale',
        dims: [2n, 32n],
        dataType: Dtype.FLOAT,
        rawData: new Uint8Array(scales.buffer),
      },
    ],
  )
}

function valueInfo({ name, dtype, shape }: Value) {
  const dim = shape.map((size) =>
    typeof size === 'string'
      ? { value: { case: 'dimParam' as const, value: size } }
      : { value: { case: 'dimValue' as const, value: BigInt(size) } },
  )
  return {
    name,
    type: { value: { case: 'tensorType' as const, value: { elemType: dtype, shape: { dim } } } },
  }
}
