import { ensure } from '../../base/error.ts'
import { bytesOf, type DType } from '../../tensor/dtype.ts'
import { elementsOf } from '../../tensor/weight.ts'

/** More axes than any operator has; a message of only dimensions would take all memory. */
const MAX_RANK = 32

/** The shape of a tensor, as numbers that can be counted with. */
export function shapeOf(
  file: string,
  tensor: { readonly name: string; readonly dims: readonly bigint[] },
): readonly number[] {
  const facts = { file, tensor: tensor.name }
  ensure(
    tensor.dims.length <= MAX_RANK,
    'limit-exceeded',
    `Tensor "${tensor.name}" of "${file}" has ${tensor.dims.length} axes; at most ${MAX_RANK} are read.`,
    facts,
  )
  const shape = tensor.dims.map((size) => Number(size))
  // Eight bytes a value is the widest dtype: a size in bytes stays an exact number.
  ensure(
    shape.every((size) => size >= 0) && Number.isSafeInteger(elementsOf(shape) * 8),
    'limit-exceeded',
    `Tensor "${tensor.name}" of "${file}" has the impossible shape [${shape.join(', ')}]. ` +
      'The file is damaged.',
    facts,
  )
  return shape
}

/** Throws `wrong-shape` unless the stored bytes are what dtype and shape ask for. */
export function ensureBytes(
  file: string,
  tensor: string,
  dtype: DType,
  shape: readonly number[],
  stored: number,
): void {
  const expected = bytesOf(dtype, elementsOf(shape))
  ensure(
    stored === expected,
    'wrong-shape',
    `Tensor "${tensor}" of "${file}" holds ${stored} bytes; ` +
      `${dtype} [${shape.join(', ')}] takes ${expected}.`,
    { file, tensor, dtype, stored, expected },
  )
}
