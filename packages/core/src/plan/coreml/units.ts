import type { AffineScheme, PaletteBits } from '../../scheme/scheme.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import type { Draft, Rule } from '../draft.ts'
import type { Change } from './values.ts'
import { valuesOf, withValues } from './values.ts'
import { bytesByChannel } from './weight-form.ts'

/** Groups of 8 or 16 channels are accurate and fast, says coremltools' guide to palettes. */
const GROUP = 16

/**
 * `--compute-unit ane`: integers in blocks leave the Neural Engine (`ane-blocks` of
 * targets/coreml-devices.ts); as many bits in a palette, or 8 bits per channel, run there. What is best
 * on the GPU of a Mac, 4 bits in blocks, needs no change; the processor takes everything.
 */
export const units: Rule = (draft, { coreml }) => {
  if (coreml?.unit !== 'ane') return draft
  const values = valuesOf(draft.scheme)
  const isBlocks = values.kind === 'affine' && values.granularity.kind === 'per-block'
  return isBlocks ? withValues(draft, forEngine(draft, values)) : draft
}

const REASON = 'integers in blocks leave the Neural Engine'

function forEngine({ facts }: Draft, values: AffineScheme): Change {
  const bits = PALETTE_BITS[values.dtype]
  if (bits === null) return { scheme: bytesByChannel(facts, values), reason: REASON }
  return {
    scheme: {
      kind: 'palette',
      bits,
      granularity: { kind: 'per-block', axis: facts.outputAxis ?? 0, blockSize: GROUP },
      vectorSize: 1,
      table: 'float',
      channelScale: false,
    },
    reason: `${REASON}; a ${INTEGER_BITS[values.dtype]}-bit palette in groups of ${GROUP} runs there`,
  }
}

const PALETTE_BITS: Readonly<Record<AffineScheme['dtype'], PaletteBits | null>> = {
  int8: null,
  int4: 4,
  int3: 3,
  int2: 2,
}
