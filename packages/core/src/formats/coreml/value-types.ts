import { create } from '@bufbuild/protobuf'
import {
  ConstantDimensionSchema,
  DimensionSchema,
  TensorTypeSchema,
  ValueTypeSchema,
} from './generated/coreml_pb.ts'
import type { ValueType } from './generated/coreml_pb.ts'
import { dtypeOfProto, MIL_DTYPES } from './mil-dtype.ts'
import type { MilDtype } from './mil-dtype.ts'

/** A tensor type whose dimensions are all known. */
export type StaticTensor = {
  readonly dtype: MilDtype
  readonly shape: readonly number[]
}

/** No tensor of a model has more values; keeps every count and bit offset exact. */
export const MAX_ELEMENTS: number = 2 ** 48

/** Core ML itself stops at 5 for most operations. */
export const MAX_RANK = 16

/** `undefined` for what is no tensor, has unknown dimensions or a dtype that Mixbit does not know. */
export function staticTensor(type: ValueType | undefined): StaticTensor | undefined {
  if (type?.type.case !== 'tensorType') return undefined
  const { dataType, dimensions, rank } = type.type.value
  const dtype = dtypeOfProto(dataType)
  if (dtype === undefined || Number(rank) !== dimensions.length) return undefined
  if (dimensions.length > MAX_RANK) return undefined
  const shape: number[] = []
  let elements = 1
  for (const { dimension } of dimensions) {
    if (dimension.case !== 'constant') return undefined
    const size = Number(dimension.value.size)
    elements *= Math.max(1, size)
    if (elements > MAX_ELEMENTS) return undefined
    shape.push(size)
  }
  return { dtype, shape }
}

/** The MIL type of a tensor. */
export function tensorType({ dtype, shape }: StaticTensor): ValueType {
  return create(ValueTypeSchema, {
    type: {
      case: 'tensorType',
      value: create(TensorTypeSchema, {
        dataType: MIL_DTYPES[dtype].proto,
        rank: BigInt(shape.length),
        dimensions: shape.map((size) =>
          create(DimensionSchema, {
            dimension: {
              case: 'constant',
              value: create(ConstantDimensionSchema, { size: BigInt(size) }),
            },
          }),
        ),
      }),
    },
  })
}
