import type { PaletteBits } from '../../scheme/scheme.ts'
import type { MilDtype } from './mil-dtype.ts'

/** Operations that give weights. `dequantize` is an ordinary one of iOS 17: read, and never written. */
export const COREML_OPERATIONS = [
  'const',
  'constexpr_affine_dequantize',
  'constexpr_blockwise_shift_scale',
  'constexpr_cast',
  'constexpr_lut_to_dense',
  'constexpr_lut_to_sparse',
  'constexpr_sparse_blockwise_shift_scale',
  'constexpr_sparse_to_dense',
  'dequantize',
] as const

export type CoremlOperation = (typeof COREML_OPERATIONS)[number]

/** What one stored array of a weight is. */
export type CoremlPartName =
  /** Float values, or integer codes; of a sparse weight those that the mask keeps. */
  | 'data'
  | 'scale'
  /** Zero points. */
  | 'offset'
  | 'indices'
  | 'table'
  | 'table scale'
  | 'table offset'
  /** One bit a value: 1 where a value is stored. */
  | 'mask'

/** One stored array. */
export type CoremlPart = {
  readonly name: CoremlPartName
  readonly dtype: MilDtype
  /** `null` is the number of stored values of a sparse weight, known when it is encoded. */
  readonly dims: readonly (number | null)[]
  /** Packed bytes; `null` until a sparse weight is encoded. */
  readonly bytes: number | null
  /** The most packed bytes that it can take; equal to `bytes` where that is known. */
  readonly mostBytes: number
}

/**
 * How operations hold their arrays: a plain `const`; the attributes of iOS 16 (flat indices and
 * masks, one scale a tensor or channel); the inputs of iOS 18 (blocks, groups, vectors, chains).
 */
export type CoremlStyle = 'plain' | 'attributes' | 'inputs'

type FormBase = {
  readonly style: CoremlStyle
  readonly ops: readonly CoremlOperation[]
  /** In the order in which they are written. */
  readonly parts: readonly CoremlPart[]
  /** The lowest specification version that has these operations in this style. */
  readonly spec: number
  /** The dtype that the program gets, and that an encoding of this form decodes to. */
  readonly dtype: 'float16' | 'float32'
  /** Of the decoded values. */
  readonly shape: readonly number[]
}

export type CoremlFloatForm = FormBase & {
  readonly kind: 'float'
  readonly stored: 'float16' | 'float32'
}

export type CoremlAffineForm = FormBase & {
  readonly kind: 'affine'
  readonly integer: 'int8' | 'int4'
  readonly symmetric: boolean
  /** Values of each axis that share a scale, as in `Encoding`. */
  readonly block: readonly number[]
  /** Stored = signed code + this; the same holds for zero points. */
  readonly codeOffset: 0 | 8 | 127 | 128
}

export type CoremlPaletteForm = FormBase & {
  readonly kind: 'palette'
  readonly bits: PaletteBits
  /** Decoded values of each axis that share a table, as in `Encoding`. */
  readonly block: readonly number[]
  readonly vector: { readonly axis: number; readonly size: number }
  readonly table: 'float' | 'int8'
  /** Table entries that share a scale, as in the encoding of the table; absent for floats. */
  readonly tableBlock?: readonly number[]
}

export type CoremlSparseForm = FormBase & {
  readonly kind: 'sparse'
  readonly values: CoremlFloatForm | CoremlAffineForm | CoremlPaletteForm
}

/** How a Core ML program holds one weight. */
export type CoremlForm = CoremlFloatForm | CoremlAffineForm | CoremlPaletteForm | CoremlSparseForm

/** Why a scheme has no form, in words for the plan: "..., but <reason>". */
export type NoCoremlForm = {
  readonly kind: 'none'
  readonly reason: string
  /** The specification version that would have it, where a higher one does. */
  readonly needs?: number
}

/** No form, and why. */
export function noForm(reason: string, needs?: number): NoCoremlForm {
  return { kind: 'none', reason, ...(needs !== undefined && { needs }) }
}

/** The specification versions that a package may have once it is written. */
export type SpecRange = {
  /** What the package, or another weight in it, already needs. */
  readonly lowest: number
  /** What the target reads. */
  readonly highest: number
}

/** What a form depends on. */
export type CoremlWeightFacts = {
  readonly shape: readonly number[]
  /** What the operators around the weight want of it. */
  readonly dtype: 'float16' | 'float32'
  readonly outputAxis: number
  readonly inputAxis: number
}
