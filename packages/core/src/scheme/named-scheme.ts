import { MixbitError } from '../base/error.ts'
import type { WeightAxes } from './precision.ts'
import { parsePrecision, schemeFor } from './precision.ts'
import type { Scheme } from './scheme.ts'

/**
 * The scheme that a precision name stands for on these axes; null for what is no name. A name that goes on
 * with `of` is of other axes: `int8/channel of axis 1`.
 */
export function namedScheme(name: string, axes: WeightAxes): Scheme | null {
  try {
    return schemeFor(parsePrecision(name.split(' of ')[0] ?? ''), axes)
  } catch (error) {
    if (error instanceof MixbitError && error.code === 'invalid-precision') return null
    throw error
  }
}
