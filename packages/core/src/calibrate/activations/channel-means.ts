import type { ChannelAxis } from '../../formats/onnx/qdq/observed-ends.ts'
import { addChannelSums } from '../../kernels/channel-sums.ts'

/**
 * Each channel added up over all samples; null before the first, or where sizes changed. A picture
 * of a batch counts once, by its mean, whatever its size; a row of a matrix counts once too.
 */
export type ChannelSums = { readonly sums: Float64Array; count: number }

/** Adds a value of one run; a value whose number of channels changes has no means. */
export function addToChannels(
  known: ChannelSums | null,
  x: Float32Array,
  shape: readonly number[],
  axis: ChannelAxis,
): ChannelSums | null {
  const place = axis === 'second' ? 1 : shape.length - 1
  const channels = shape[place] ?? 0
  if (channels === 0 || x.length === 0) return known
  const inner = shape.slice(place + 1).reduce((count, size) => count * size, 1)
  const sums = new Float64Array(channels)
  addChannelSums(sums, x, inner)
  for (let c = 0; c < channels; c++) sums[c] = sums[c]! / inner
  return mergeChannels(known, { sums, count: x.length / channels / inner })
}

/** Joins what was seen before and after; the memory of `first` may be used for it. */
export function mergeChannels(
  first: ChannelSums | null,
  later: ChannelSums | null,
): ChannelSums | null {
  if (first === null || later === null) return first ?? later
  if (first.sums.length !== later.sums.length) return null
  for (let c = 0; c < first.sums.length; c++) first.sums[c] = first.sums[c]! + later.sums[c]!
  first.count += later.count
  return first
}

/** Means as float32, for a plan; `undefined` when one of them is not finite. */
export function channelMeans(total: ChannelSums | null): readonly number[] | undefined {
  if (total === null || total.count === 0) return undefined
  const means = Array.from(total.sums, (sum) => Math.fround(sum / total.count))
  return means.every(Number.isFinite) ? means : undefined
}
