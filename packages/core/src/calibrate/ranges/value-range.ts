/** The values that a quantized activation covers, in the unit of the activation; holds 0. */
export type ValueRange = { readonly min: number; readonly max: number }

/** The range with 0 in it, which a zero point needs; without any value, [0, 0]. */
export function withZero({ min, max }: ValueRange): ValueRange {
  return { min: Math.min(0, min), max: Math.max(0, max) }
}

/** The smallest range that holds all of them. */
export function hullOf(ranges: readonly ValueRange[]): ValueRange {
  return {
    min: Math.min(...ranges.map(({ min }) => min)),
    max: Math.max(...ranges.map(({ max }) => max)),
  }
}
