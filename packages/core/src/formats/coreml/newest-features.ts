import { channelAxis } from './blocks.ts'
import type { CoremlAffineForm, CoremlForm, CoremlPaletteForm } from './form-types.ts'

/**
 * What of a form came with iOS 18, in words: "3-bit indices and tables of vectors". iOS 16 reads int8 with
 * one scale a channel or weight, one table of 2, 4, 16, 64 or 256 floats, and masks of floats.
 *
 * @see https://apple.github.io/coremltools/docs-guides/source/opt-whats-new.html
 */
export function newestFeatures(form: CoremlForm): readonly string[] {
  switch (form.kind) {
    case 'float':
      return []
    case 'affine':
      return ofIntegers(form)
    case 'palette':
      return ofPalette(form)
    case 'sparse':
      return form.values.kind === 'float' ? [] : ['sparse integers and palettes']
  }
}

function ofIntegers({ integer, shape, block }: CoremlAffineForm): readonly string[] {
  return [
    ...(integer === 'int4' ? ['4-bit integers'] : []),
    ...(channelAxis(shape, block) === 'several' ? ['blocks'] : []),
  ]
}

function ofPalette({ bits, shape, block, vector, table }: CoremlPaletteForm): readonly string[] {
  const hasOneTable = channelAxis(shape, block) === 'none'
  return [
    ...(bits === 3 ? ['3-bit indices'] : []),
    ...(hasOneTable ? [] : ['more than one table a weight (groups, or scales of channels)']),
    ...(vector.size > 1 ? ['tables of vectors'] : []),
    ...(table === 'int8' ? ['8-bit tables'] : []),
  ]
}
