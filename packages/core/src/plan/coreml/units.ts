import type { AffineScheme, Granularity, PaletteBits, PaletteScheme } from '../../scheme/scheme.ts'
import type { Draft, Rule } from '../draft.ts'
import { largestDivisor } from '../largest-divisor.ts'
import { groupOfVectors } from './group-of-vectors.ts'
import { BITS_WITHOUT_GROUPS } from './palette-bits.ts'
import type { Change } from './values.ts'
import { valuesOf, withValues } from './values.ts'
import { bytesByChannel } from './weight-form.ts'

/** Groups of 8 or 16 channels are accurate and fast, says coremltools' guide to palettes. */
const GROUP = 16

/** Tables of fewer channels are slow there (`ane-many-tables`). */
const SMALLEST_GROUP = 4

/**
 * `--compute-unit ane`: integers in blocks leave the Neural Engine (`ane-blocks` of
 * targets/coreml-devices.ts); as many bits in a palette, or 8 bits per channel, run there. Groups that
 * only a few channels could share become one table. What is best on the GPU of a Mac, 4 bits in blocks,
 * needs no change; the processor takes everything.
 */
export const units: Rule = (draft, { coreml }) => {
  if (coreml?.unit !== 'ane') return draft
  const values = valuesOf(draft.scheme)
  if (values.kind === 'float' || values.granularity.kind !== 'per-block') return draft
  const { blockSize } = values.granularity
  const change =
    values.kind === 'affine' ? forEngine(draft, values) : withFewTables(draft, values, blockSize)
  return withValues(draft, change)
}

/** Smaller groups than are fast there are slow, unless they were asked for. */
function withFewTables({ facts }: Draft, values: PaletteScheme, wanted: number): Change | null {
  const channels = facts.shape[facts.outputAxis ?? 0] ?? 1
  const group = groupOfVectors(channels, wanted, values.vectorSize)
  if (values.channelScale || wanted < SMALLEST_GROUP) return null
  if (group >= SMALLEST_GROUP || group === channels) return null
  const bits = BITS_WITHOUT_GROUPS[values.bits]
  const reason = `no group of ${SMALLEST_GROUP} to ${wanted} divides ${channels} output channels, and tables of fewer are slow on the Neural Engine`
  if (bits === null) return { scheme: bytesByChannel(facts), reason }
  return {
    scheme: { ...values, bits, granularity: { kind: 'per-tensor' } },
    reason: `${reason}; one table of more bits runs there`,
  }
}

const REASON = 'integers in blocks leave the Neural Engine'

function forEngine({ facts }: Draft, values: AffineScheme): Change {
  const bits = PALETTE_BITS[values.dtype]
  if (bits === null) return { scheme: bytesByChannel(facts, values), reason: REASON }
  const axis = facts.outputAxis ?? 0
  const channels = facts.shape[axis] ?? 1
  const blockSize = largestDivisor(channels, GROUP)
  if (blockSize < SMALLEST_GROUP && blockSize < channels) {
    const more = BITS_WITHOUT_GROUPS[bits] ?? 8
    return {
      scheme: { ...PALETTE, bits: more, granularity: { kind: 'per-tensor' } },
      reason: `${REASON}; no group of ${SMALLEST_GROUP} to ${GROUP} divides ${channels} output channels, so one table of more bits runs there`,
    }
  }
  const granularity: Granularity =
    blockSize === channels ? { kind: 'per-tensor' } : { kind: 'per-block', axis, blockSize }
  return {
    scheme: { ...PALETTE, bits, granularity },
    reason: `${REASON}; a palette of as many bits runs there`,
  }
}

const PALETTE = {
  kind: 'palette',
  vectorSize: 1,
  table: 'float',
  channelScale: false,
} as const

const PALETTE_BITS: Readonly<Record<AffineScheme['dtype'], PaletteBits | null>> = {
  int8: null,
  int4: 4,
  int3: 3,
  int2: 2,
}
