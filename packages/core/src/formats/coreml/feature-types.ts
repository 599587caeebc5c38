import type { MilDtype } from './mil-dtype.ts'

/**
 * Element types of arrays outside a program.
 *
 * @see https://github.com/apple/coremltools/blob/main/mlmodel/format/FeatureTypes.proto
 */
export const ARRAY_DTYPES: ReadonlyMap<number, MilDtype> = new Map([
  [65552, 'float16'],
  [65568, 'float32'],
  [65600, 'float64'],
  [131080, 'int8'],
  [131104, 'int32'],
])

/** Orders of colours of pictures. */
export const COLOUR_SPACES: ReadonlyMap<number, ImageColours> = new Map([
  [10, 'grayscale'],
  [20, 'RGB'],
  [30, 'BGR'],
  [40, 'grayscale-float16'],
])

export type ImageColours = 'grayscale' | 'RGB' | 'BGR' | 'grayscale-float16'

/** Kinds of values that are no arrays, by their fields of `FeatureType`, which our schema leaves out. */
export const OTHER_KINDS: ReadonlyMap<
  number,
  'int64' | 'double' | 'string' | 'dictionary' | 'sequence'
> = new Map([
  [1, 'int64'],
  [2, 'double'],
  [3, 'string'],
  [6, 'dictionary'],
  [7, 'sequence'],
])
