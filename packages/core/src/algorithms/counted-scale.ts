import type { Algorithm } from '../config/settings.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { DistinctValues } from '../kernels/palette-kernels.ts'
import type { AffineScheme } from '../scheme/scheme.ts'
import { encodeAffine } from './encode-affine.ts'
import type { StoredFloat } from './palette/stored-float.ts'

/** The one scale of a weight, and its zero point unless codes are symmetric. */
export type OneScale = { readonly scale: Float32Array; readonly zeroPoint?: Int8Array }

/**
 * Whether the one scale of a weight is chosen among its distinct values: halves are few, so that the error
 * of a scale is the same sum over them, each as often as it occurs, whatever the size of the weight.
 */
export function isCounted(
  { granularity, symmetric }: AffineScheme,
  {
    halves,
    algorithm,
    importance,
  }: {
    /** Whether all values are halves. */
    readonly halves?: boolean
    readonly algorithm: Algorithm
    readonly importance?: Float32Array
  },
): boolean {
  const isOne = granularity.kind === 'per-tensor' && importance === undefined
  return isOne && halves === true && (algorithm === 'mse' || !symmetric)
}

/** The scale of least error for values that occur so often. */
export function countedScale(
  kernels: Kernels,
  { sum, weight }: Pick<DistinctValues, 'sum' | 'weight'>,
  { dtype: integer, symmetric, scaleDtype }: AffineScheme,
  { algorithm, decodeDtype }: { readonly algorithm: Algorithm; readonly decodeDtype: StoredFloat },
): OneScale {
  const isEmpty = sum.length === 0
  const values = isEmpty
    ? new Float32Array(1)
    : Float32Array.from(sum, (total, i) => total / (weight[i] ?? 1))
  const { encoding } = encodeAffine(kernels, values, {
    shape: [values.length],
    block: [values.length],
    integer,
    symmetric,
    scaleDtype: decodeDtype === 'float32' ? 'float32' : scaleDtype,
    decodeDtype,
    algorithm,
    signs: 'positive',
    importance: isEmpty ? Float32Array.of(1) : Float32Array.from(weight),
  })
  const { scale, zeroPoint } = encoding
  return zeroPoint === undefined ? { scale } : { scale, zeroPoint }
}
