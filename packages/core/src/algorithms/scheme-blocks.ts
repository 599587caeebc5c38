import { ensure } from '../base/error.ts'
import type { AffineScheme, PaletteScheme, Scheme, SparseScheme } from '../scheme/scheme.ts'

/** Which axes of a weight are what. */
export type Axes = { readonly outputAxis: number; readonly inputAxis: number }

type Shaped = Axes & { readonly shape: readonly number[] }

/**
 * How many values of each axis share a scale. A block of input channels belongs to one output
 * channel and spans all other axes.
 */
export function scaleBlock(
  { granularity }: AffineScheme,
  { shape, outputAxis }: Pick<Shaped, 'shape' | 'outputAxis'>,
): readonly number[] {
  switch (granularity.kind) {
    case 'per-tensor':
      return shape
    case 'per-channel':
      return withAxis(shape, granularity.axis, 1)
    case 'per-block':
      return withAxis(withAxis(shape, outputAxis, 1), granularity.axis, granularity.blockSize)
  }
}

/** The same, of blocks that divide the shape. Throws `unsupported-scheme` for others. */
export function affineBlock(scheme: AffineScheme, weight: Shaped): readonly number[] {
  const { granularity } = scheme
  if (granularity.kind === 'per-block') {
    const { axis, blockSize } = granularity
    const size = weight.shape[axis] ?? 0
    ensure(
      Number.isInteger(size / blockSize),
      'unsupported-scheme',
      `Blocks of ${blockSize} do not divide the ${size} channels of axis ${axis}. ` +
        'Use a size that divides them.',
      { blockSize, channels: size },
    )
  }
  return scaleBlock(scheme, weight)
}

/** The shape with another size of one axis. */
export function withAxis(shape: readonly number[], axis: number, size: number): readonly number[] {
  return shape.map((whole, each) => (each === axis ? size : whole))
}

/** How many output channels share a table. */
export function tableChannels(
  { granularity }: PaletteScheme,
  { shape, outputAxis }: Shaped,
): number {
  switch (granularity.kind) {
    case 'per-tensor':
      return shape[outputAxis] ?? 1
    case 'per-channel':
      return 1
    case 'per-block':
      return granularity.blockSize
  }
}

/** What is known of the whole weight when a slab of it is encoded. */
export type GivenForSlabs = {
  /** The one table, of int8 with its step. */
  readonly table?: boolean
  readonly threshold?: boolean
  /** Scales of blocks that span all rows. */
  readonly scale?: boolean
  /** The step of all tables of int8. */
  readonly step?: boolean
}

/**
 * A weight may be encoded slab by slab of leading rows when each slab but the last has a multiple of
 * this many; null when it must be encoded whole, because something is chosen for all rows together.
 */
export function slabRows(scheme: Scheme, axes: Axes, given: GivenForSlabs = {}): number | null {
  switch (scheme.kind) {
    case 'float':
      return 1
    case 'affine':
      return affineRows(scheme, axes, given)
    case 'palette':
      return paletteRows(scheme, axes, given)
    case 'sparse':
      return commonMultiple(patternRows(scheme, axes, given), slabRows(scheme.values, axes, given))
  }
}

function affineRows(
  { granularity }: AffineScheme,
  { outputAxis }: Axes,
  { scale = false }: GivenForSlabs,
): number | null {
  // Blocks that span all rows have scales that all rows choose together.
  const spanning = scale ? 1 : null
  switch (granularity.kind) {
    case 'per-tensor':
      return spanning
    case 'per-channel':
      return granularity.axis === 0 ? 1 : spanning
    case 'per-block':
      if (granularity.axis === 0) return granularity.blockSize
      return outputAxis === 0 ? 1 : spanning
  }
}

function paletteRows(
  { granularity, table, channelScale, vectorSize }: PaletteScheme,
  { outputAxis }: Axes,
  given: GivenForSlabs,
): number | null {
  // One scale for the tables of all groups.
  const isGiven = granularity.kind === 'per-tensor' ? given.table === true : given.step === true
  if (table === 'int8' && !channelScale && !isGiven) return null
  switch (granularity.kind) {
    case 'per-tensor':
      return given.table === true && !channelScale && vectorSize === 1 ? 1 : null
    case 'per-channel':
      return outputAxis === 0 ? 1 : null
    case 'per-block':
      return outputAxis === 0 ? granularity.blockSize : null
  }
}

function patternRows(
  { pattern }: SparseScheme,
  { outputAxis, inputAxis }: Axes,
  { threshold = false }: GivenForSlabs,
): number | null {
  switch (pattern.kind) {
    case 'fraction':
      return threshold ? 1 : null
    case 'structured':
      if (!threshold) return null
      return outputAxis === 0 ? pattern.size : 1
    case 'threshold':
      return 1
    case 'n-of-m':
      return inputAxis === 0 ? pattern.m : 1
  }
}

function commonMultiple(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return null
  let multiple = Math.max(a, b)
  while (multiple % a > 0 || multiple % b > 0) multiple += Math.max(a, b)
  return multiple
}
