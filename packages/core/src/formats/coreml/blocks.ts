import { withAxis } from '../../algorithms/scheme-blocks.ts'
import type { PaletteScheme } from '../../scheme/scheme.ts'

type Axes = { readonly shape: readonly number[]; readonly outputAxis: number }

/** Decoded values of each axis that share a table; each channel has its own when scales are folded in. */
export function paletteBlock(
  { shape, outputAxis }: Axes,
  { granularity, channelScale, vectorSize }: PaletteScheme,
): readonly number[] {
  if (channelScale) return withAxis(shape, outputAxis, vectorSize)
  switch (granularity.kind) {
    case 'per-tensor':
      return shape
    case 'per-channel':
      return withAxis(shape, granularity.axis, 1)
    case 'per-block':
      return withAxis(shape, granularity.axis, granularity.blockSize)
  }
}

/** How many blocks lie along each axis. */
export function blockCounts(shape: readonly number[], block: readonly number[]): readonly number[] {
  return shape.map((size, axis) => size / (block[axis] ?? size))
}

/** The first axis whose length the block does not divide; -1 when it fits everywhere. */
export function misfit(shape: readonly number[], block: readonly number[]): number {
  return shape.findIndex((size, axis) => size % (block[axis] ?? size) !== 0)
}

/** The only axis that blocks split, if they split none or one, and that into single slices. */
export function channelAxis(
  shape: readonly number[],
  block: readonly number[],
): number | 'none' | 'several' {
  const split = shape.flatMap((size, axis) => (block[axis] === size ? [] : [axis]))
  const [axis, second] = split
  if (axis === undefined) return 'none'
  return second === undefined && block[axis] === 1 ? axis : 'several'
}
