import type { Kept, RangeState } from '../ranges/range-state.ts'
import { emptyRangeState } from '../ranges/range-state.ts'
import type { ChannelSums } from './channel-means.ts'

/** What was seen of some values, in their order. */
export type SeenValues = {
  readonly states: readonly RangeState[]
  readonly channels: (ChannelSums | null)[]
}

export function emptySeenValues(count: number, keep: Kept): SeenValues {
  return {
    states: Array.from({ length: count }, () => emptyRangeState(keep)),
    channels: Array.from({ length: count }, () => null),
  }
}
