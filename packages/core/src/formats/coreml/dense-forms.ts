import { scaleBlock } from '../../algorithms/scheme-blocks.ts'
import type { AffineScheme, FloatScheme, PaletteScheme } from '../../scheme/scheme.ts'
import { ATTRIBUTES_SPEC, FIRST_PROGRAM_SPEC, INPUTS_SPEC } from '../../targets/coreml-versions.ts'
import { blockCounts, channelAxis, misfit, paletteBlock } from './blocks.ts'
import { noForm } from './form-types.ts'
import type {
  CoremlAffineForm,
  CoremlFloatForm,
  CoremlPaletteForm,
  CoremlWeightFacts,
  NoCoremlForm,
  SpecRange,
} from './form-types.ts'
import { misplaced } from './misplaced.ts'
import { paletteParts, part, scaleParts } from './parts.ts'

/** Bits of a table that iOS 16 reads. */
const ATTRIBUTE_BITS: readonly number[] = [1, 2, 4, 6, 8]

/** A form of values that are all stored. */
export type DenseForm = CoremlFloatForm | CoremlAffineForm | CoremlPaletteForm

/** The form of values that are all stored. */
export function denseForm(
  weight: CoremlWeightFacts,
  scheme: FloatScheme | AffineScheme | PaletteScheme,
  specs: SpecRange,
): DenseForm | NoCoremlForm {
  switch (scheme.kind) {
    case 'float':
      return floatForm(weight, scheme, specs)
    case 'affine':
      return affineForm(weight, scheme, specs)
    case 'palette':
      return paletteForm(weight, scheme, specs)
  }
}

function floatForm(
  { shape, dtype }: CoremlWeightFacts,
  scheme: FloatScheme,
  { lowest }: SpecRange,
): CoremlFloatForm | NoCoremlForm {
  if (scheme.dtype === 'bfloat16') return noForm('Core ML programs have no bfloat16 weights')
  const parts = [part('data', scheme.dtype, shape)]
  const base = { kind: 'float', stored: scheme.dtype, dtype, shape, parts } as const
  if (scheme.dtype === dtype) {
    return { ...base, style: 'plain', ops: ['const'], spec: FIRST_PROGRAM_SPEC }
  }
  if (dtype === 'float16') {
    return noForm('its operators want float16, and float32 would only be cast to it')
  }
  if (shape.length < 2) return noForm('Core ML keeps vectors in the dtype of their operators')
  const isInputs = lowest >= INPUTS_SPEC
  return {
    ...base,
    style: isInputs ? 'inputs' : 'attributes',
    ops: ['constexpr_cast'],
    spec: isInputs ? INPUTS_SPEC : ATTRIBUTES_SPEC,
  }
}

function affineForm(
  weight: CoremlWeightFacts,
  scheme: AffineScheme,
  { lowest }: SpecRange,
): CoremlAffineForm | NoCoremlForm {
  const { shape, dtype } = weight
  const { dtype: integer, symmetric } = scheme
  if (integer !== 'int8' && integer !== 'int4') {
    return noForm(`Core ML has scales for 8 and 4 bits, not ${integer}; a palette has fewer bits`)
  }
  if (scheme.scaleDtype === 'float32' && dtype === 'float16') {
    return noForm('scales of float32 decode to float32, and its operators want float16')
  }
  if (shape.length < 2) return noForm('Core ML keeps vectors as floats')
  const elsewhere = misplaced(weight, scheme)
  if (elsewhere !== null) return noForm(elsewhere)
  const block = scaleBlock(scheme, weight)
  const axis = misfit(shape, block)
  if (axis >= 0) return noForm(`blocks of ${block[axis]} do not divide ${shape[axis]}`)
  const isPlain = integer === 'int8' && channelAxis(shape, block) !== 'several'
  const base = { kind: 'affine', integer, symmetric, block, dtype, shape } as const
  return isPlain && lowest < INPUTS_SPEC ? affineAttributes(base) : affineInputs(base)
}

type AffineBase = Omit<CoremlAffineForm, 'style' | 'ops' | 'parts' | 'spec' | 'codeOffset'>

/**
 * `constexpr_affine_dequantize`: unsigned bytes always. Signed ones with zero point 0 decode wrong on
 * GPU and Neural Engine, so symmetric codes [-127, 127] are stored as [0, 254] around 127.
 *
 * @see https://github.com/apple/coremltools/issues/2114
 */
function affineAttributes(base: AffineBase): CoremlAffineForm {
  const { shape, block, dtype, symmetric } = base
  const axis = channelAxis(shape, block)
  const dims = typeof axis === 'number' ? [shape[axis] ?? 1] : []
  return {
    ...base,
    style: 'attributes',
    ops: ['constexpr_affine_dequantize'],
    spec: ATTRIBUTES_SPEC,
    codeOffset: symmetric ? 127 : 128,
    parts: [
      part('data', 'uint8', shape),
      part('offset', 'uint8', dims),
      part('scale', dtype, dims),
    ],
  }
}

/** `constexpr_blockwise_shift_scale`: signed without an offset, unsigned with one. */
function affineInputs(base: AffineBase): CoremlAffineForm {
  const { shape, block, dtype, symmetric, integer } = base
  const unsigned = integer === 'int8' ? 'uint8' : 'uint4'
  const stored = symmetric ? integer : unsigned
  return {
    ...base,
    style: 'inputs',
    ops: ['constexpr_blockwise_shift_scale'],
    spec: INPUTS_SPEC,
    codeOffset: symmetric ? 0 : integer === 'int8' ? 128 : 8,
    parts: [part('data', stored, shape), ...scaleParts(base, blockCounts(shape, block), dtype)],
  }
}

function paletteForm(
  weight: CoremlWeightFacts,
  scheme: PaletteScheme,
  { lowest }: SpecRange,
): CoremlPaletteForm | NoCoremlForm {
  const { shape, dtype, outputAxis } = weight
  const { bits, vectorSize, table, channelScale } = scheme
  if (shape.length < 2) return noForm('Core ML keeps vectors as floats')
  const elsewhere = misplaced(weight, scheme)
  if (elsewhere !== null) return noForm(elsewhere)
  const block = paletteBlock(weight, scheme)
  const axis = misfit(shape, block)
  if (axis >= 0) return noForm(`groups of ${block[axis]} do not divide ${shape[axis]}`)
  if ((block[outputAxis] ?? 1) % vectorSize !== 0) {
    return noForm(`vectors of ${vectorSize} do not divide ${block[outputAxis]} output channels`)
  }
  const vector = { axis: outputAxis, size: vectorSize }
  const base = { kind: 'palette', bits, block, vector, table, dtype, shape } as const
  const isPlain =
    vectorSize === 1 &&
    table === 'float' &&
    ATTRIBUTE_BITS.includes(bits) &&
    channelAxis(shape, block) === 'none'
  if (isPlain && lowest < INPUTS_SPEC) {
    return {
      ...base,
      style: 'attributes',
      ops: ['constexpr_lut_to_dense'],
      spec: ATTRIBUTES_SPEC,
      parts: paletteParts(base, 'attributes').parts,
    }
  }
  const tableOps = table === 'int8' ? (['constexpr_blockwise_shift_scale'] as const) : []
  return {
    ...base,
    ...paletteParts({ ...base, channelScale }, 'inputs'),
    style: 'inputs',
    ops: [...tableOps, 'constexpr_lut_to_dense'],
    spec: INPUTS_SPEC,
  }
}
