import type { AffineScheme, FloatType } from '../../scheme/scheme.ts'
import type { DType } from '../../tensor/dtype.ts'

/** How an ONNX file holds one weight. Shown in plans and reports. */
export type FormName =
  | 'initializer'
  | 'initializer + Cast'
  | 'DequantizeLinear'
  | 'com.microsoft.DequantizeLinear'
  | 'MatMulNBits'
  | 'GatherBlockQuantized'
  | 'GatherBlockQuantized + MatMulNBits'
  | 'Gather + Mul'

/** How codes lie in bytes. The offset makes them unsigned where the operator asks for it. */
export type Packing = 'int8' | 'uint8' | 'int4' | 'uint4' | 'int2' | 'uint2'

/** One stored part of a weight. */
export type StoredPart = {
  readonly dtype: DType
  readonly dims: readonly number[]
  readonly bytes: number
}

export type FloatForm = {
  readonly kind: 'float'
  readonly name: 'initializer' | 'initializer + Cast'
  readonly dtype: FloatType
  readonly codes: StoredPart
}

export type AffineForm = {
  readonly kind: 'affine'
  readonly name: Exclude<FormName, 'initializer' | 'initializer + Cast'>
  readonly scheme: AffineScheme
  /** Values of one row that share a scale. */
  readonly blockLength: number
  readonly packing: Packing
  /** What the stored values decode to: a fp16 scale used by DequantizeLinear itself gives fp16. */
  readonly decodeDtype: 'float32' | 'float16'
  readonly codes: StoredPart
  readonly scale: StoredPart
  readonly zeroPoint: StoredPart | null
}

export type Form = FloatForm | AffineForm

/** A tensor that is written as it was read. */
export type KeptForm = { readonly kind: 'kept'; readonly codes: StoredPart }

/** Why a scheme has no form, in words for the plan. */
export type NoForm = { readonly kind: 'none'; readonly reason: string }
