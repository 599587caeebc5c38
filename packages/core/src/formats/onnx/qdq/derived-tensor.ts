import type { DType } from '../../../tensor/dtype.ts'
import type { StoredTensor } from '../stored-tensor.ts'
import type { Weight } from '../../../tensor/weight.ts'

/** Typed arrays whose bytes a file can hold. */
type Stored = Float32Array | Int8Array | Uint8Array | Int32Array

/** The bytes of values, little-endian as every platform of ours is. */
export function bytesOfValues(values: Stored): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/**
 * A tensor computed from another when it is read, as if the file had held it: it is written like any
 * tensor that is carried.
 *
 * @param compute - stored values of rows [start, end) from their float32 values
 */
export function computedTensor(
  source: Weight,
  facts: { readonly name: string; readonly dtype: DType },
  compute: (values: Float32Array, start: number) => Stored,
): StoredTensor {
  const { shape } = source
  return {
    ...facts,
    shape,
    async readRows(start, end) {
      return Float32Array.from(compute(await source.readRows(start, end), start))
    },
    async readStoredRows(start, end) {
      return bytesOfValues(compute(await source.readRows(start, end), start))
    },
  }
}

/** A float32 weight that other code derived, with the bytes that a file holds. */
export function storedFloats(source: Weight, name: string): StoredTensor {
  return {
    name,
    dtype: 'float32',
    shape: source.shape,
    readRows: source.readRows,
    readStoredRows: async (start, end) => bytesOfValues(await source.readRows(start, end)),
  }
}
