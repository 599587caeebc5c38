import type { AffineScheme } from '../../scheme/scheme.ts'
import type { Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/** Blocks shorter than this cost more in scales than they gain; one scale a channel serves then. */
const SHORTEST_BLOCK = 8

/** A block size that does not divide the input channels becomes the nearest smaller that does. */
export const blocks: Rule = (draft) => {
  const { scheme, facts } = draft
  if (scheme.kind !== 'affine' || scheme.granularity.kind !== 'per-block') return draft
  const channels = facts.shape[scheme.granularity.axis] ?? 1
  const wanted = scheme.granularity.blockSize
  if (channels % wanted === 0) return draft
  const blockSize = largestDivisor(channels, wanted)
  if (blockSize >= SHORTEST_BLOCK) {
    return changed(
      draft,
      withBlock(scheme, scheme.granularity.axis, blockSize),
      `blocks of ${wanted} do not divide ${channels} channels: blocks of ${blockSize}`,
    )
  }
  return changed(
    draft,
    { ...scheme, granularity: { kind: 'per-channel', axis: facts.outputAxis ?? 0 } },
    `no block size from ${SHORTEST_BLOCK} to ${wanted} divides ${channels} channels: one scale a channel`,
  )
}

function largestDivisor(value: number, limit: number): number {
  for (let size = Math.min(limit, value); size > 1; size--) {
    if (value % size === 0) return size
  }
  return 1
}

function withBlock(scheme: AffineScheme, axis: number, blockSize: number): AffineScheme {
  return { ...scheme, granularity: { kind: 'per-block', axis, blockSize } }
}
