import { addChannelSums } from '../../kernels/channel-sums.ts'

/** On which axis a value has its channels: the second of convolutions, the last of matrices. */
export type ChannelAxis = 'second' | 'last'

/** The sum of each channel over all samples; null before the first, or where sizes changed. */
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
  const total = known ?? { sums: new Float64Array(channels), count: 0 }
  if (total.sums.length !== channels) return null
  const inner = shape.slice(place + 1).reduce((count, size) => count * size, 1)
  addChannelSums(total.sums, x, inner)
  total.count += x.length / channels
  return total
}

/** Joins what two jobs saw, in their order. */
export function mergeChannels(
  first: ChannelSums | null,
  later: ChannelSums | null,
): ChannelSums | null {
  if (first === null || later === null) return first ?? later
  if (first.sums.length !== later.sums.length) return null
  for (const [c, sum] of later.sums.entries()) first.sums[c] = (first.sums[c] ?? 0) + sum
  first.count += later.count
  return first
}

/** Means as float32, for a plan; `undefined` when one of them is not finite. */
export function channelMeans(total: ChannelSums | null): readonly number[] | undefined {
  if (total === null || total.count === 0) return undefined
  const means = Array.from(total.sums, (sum) => Math.fround(sum / total.count))
  return means.every(Number.isFinite) ? means : undefined
}
