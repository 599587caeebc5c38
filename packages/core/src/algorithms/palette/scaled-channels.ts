import type { Vectors } from '../../kernels/first-entries.ts'
import type { Kernels } from '../../kernels/kernels.ts'

/** The output channels that share a table, one a row: float32, shape (channels / size, size, inner). */
export type ChannelGroup = Vectors

/** A group whose channels were each divided by their largest magnitude. */
export type ScaledGroup = {
  readonly group: ChannelGroup
  /** The largest magnitude of each channel; 0 where all values are. */
  readonly magnitudes: readonly number[]
}

/**
 * Divides each channel by its largest magnitude. An error then counts as much as it will once it is
 * multiplied back. An all-zero channel becomes NaN, which counts for nothing.
 */
export function scaledChannels(
  kernels: Kernels,
  { x, weights, size, inner }: ChannelGroup,
): ScaledGroup {
  const magnitudes = Array.from({ length: x.length / inner }, (_, channel) =>
    largestMagnitude(kernels, x.subarray(channel * inner, (channel + 1) * inner)),
  )
  const largest = magnitudes.reduce((most, magnitude) => Math.max(most, magnitude), 0)
  const scaled = Float32Array.from(x)
  const own = new Float32Array(x.length / size)
  for (const [channel, magnitude] of magnitudes.entries()) {
    const start = channel * inner
    for (let i = start; i < start + inner; i++) scaled[i] = (scaled[i] ?? 0) / magnitude
    // Vectors weigh as much as their largest channel.
    if (channel % size > 0) continue
    const share = Math.max(...magnitudes.slice(channel, channel + size)) / largest
    const first = (channel / size) * inner
    for (let i = first; i < first + inner; i++) own[i] = share * share * (weights?.[i] ?? 1)
  }
  return { group: { x: scaled, weights: own, size, inner }, magnitudes }
}

/** The largest magnitude of the finite values; 0 when there is none. */
export function largestMagnitude(kernels: Kernels, x: Float32Array): number {
  const { finite, min, max } = kernels.valueEnds(x)
  return finite === 0 ? 0 : Math.max(-min, max)
}
