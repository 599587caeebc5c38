import type { BlockEnds } from '../kernels/block-ends.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { AffineScheme } from '../scheme/scheme.ts'
import type { WeightSpec } from './encode-weight.ts'
import { encodeWeight } from './encode-weight.ts'

/**
 * The scales of blocks that span all rows of a weight, from the ends of these blocks: those that the
 * whole weight would get, as plainly rounded symmetric scales depend on nothing else.
 *
 * @returns float32, one a block
 */
export function sharedScales(
  kernels: Kernels,
  { low, high }: BlockEnds,
  scheme: AffineScheme,
  decodeDtype: WeightSpec['decodeDtype'],
): Float32Array {
  const ends = new Float32Array(2 * low.length)
  ends.set(low)
  ends.set(high, low.length)
  const { encoding } = encodeWeight(kernels, ends, {
    shape: [2, low.length],
    outputAxis: 1,
    inputAxis: 0,
    scheme: { ...scheme, granularity: { kind: 'per-channel', axis: 1 } },
    algorithm: 'round',
    paletteRule: 'kmeans',
    decodeDtype,
  })
  if (encoding.kind !== 'affine') throw new TypeError('integers have scales')
  return encoding.scale
}
