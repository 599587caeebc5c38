import type { ValueType } from '../generated/coreml_pb.ts'
import { dtypeOfProto } from '../mil-dtype.ts'
import type { MilDtype } from '../mil-dtype.ts'

/** A tensor type some of whose dimensions may be known at run time only: those are null. */
export type TensorType = {
  readonly dtype: MilDtype
  readonly dims: readonly (number | null)[]
}

/** `undefined` for what is no tensor, has no fixed rank, or a dtype that Mixbit does not know. */
export function tensorTypeOf(type: ValueType | undefined): TensorType | undefined {
  if (type?.type.case !== 'tensorType') return undefined
  const { dataType, dimensions, rank } = type.type.value
  const dtype = dtypeOfProto(dataType)
  if (dtype === undefined || Number(rank) !== dimensions.length) return undefined
  const dims: (number | null)[] = []
  for (const { dimension } of dimensions) {
    if (dimension.case === 'unknown' && dimension.value.variadic) return undefined
    dims.push(dimension.case === 'constant' ? Number(dimension.value.size) : null)
  }
  return { dtype, dims }
}

/** Whether two types can be the same: dimensions that are not known fit to all. */
export function mayEqual(a: TensorType, b: TensorType): boolean {
  return (
    a.dtype === b.dtype &&
    a.dims.length === b.dims.length &&
    a.dims.every((size, axis) => {
      const other = b.dims[axis]
      return size === null || other === null || size === other
    })
  )
}

/** For messages: `float16 [1, ?, 4]`. */
export function shownType({ dtype, dims }: TensorType): string {
  return `${dtype} [${dims.map((size) => size ?? '?').join(', ')}]`
}
