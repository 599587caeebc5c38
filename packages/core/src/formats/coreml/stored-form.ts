import type { PaletteBits } from '../../scheme/scheme.ts'
import type { Chain } from './chain.ts'
import type { StoredArray } from './stored-array.ts'

export type FloatDtype = 'float16' | 'float32'

/** How the values of a weight lie in a package: which array is what, nothing read yet. */
export type StoredForm = StoredFloats | StoredAffine | StoredPalette | StoredSparse | StoredOther

export type StoredFloats = {
  readonly kind: 'float'
  readonly dtype: FloatDtype
  readonly shape: readonly number[]
  readonly values: StoredArray
}

export type StoredAffine = {
  readonly kind: 'affine'
  /** What values decode to: the dtype of the scales. */
  readonly dtype: FloatDtype
  readonly shape: readonly number[]
  /** Values of each axis that share a scale. */
  readonly block: readonly number[]
  readonly integer: 'int8' | 'int4'
  /** In the shape of the weight; of a sparse one those that its mask keeps. */
  readonly codes: StoredArray
  /** One a block, or a single one for all. */
  readonly scale: StoredArray
  /** As many as there are scales, or a single one for all; of the dtype of the codes. */
  readonly offset: StoredArray | null
}

export type StoredPalette = {
  readonly kind: 'palette'
  readonly dtype: FloatDtype
  readonly shape: readonly number[]
  /** Decoded values of each axis that share a table. */
  readonly block: readonly number[]
  readonly vector: { readonly axis: number; readonly size: number }
  readonly bits: PaletteBits
  /** Packed; of a sparse weight those that its mask keeps. */
  readonly indices: StoredArray
  readonly table: StoredFloats | StoredAffine
}

export type StoredDense = StoredFloats | StoredAffine | StoredPalette

export type StoredSparse = {
  readonly kind: 'sparse'
  readonly dtype: FloatDtype
  readonly shape: readonly number[]
  /** Packed bits in the order of the values. */
  readonly mask: StoredArray
  /** Values that the mask keeps. */
  readonly kept: number
  /** Its shape is that of the weight; its codes, indices or values are only those that are kept. */
  readonly values: StoredDense
}

/** Operations that are put together as no encoding is: computed step by step. */
export type StoredOther = {
  readonly kind: 'other'
  readonly dtype: FloatDtype
  readonly shape: readonly number[]
  readonly chain: Chain
}
