import type { AffineScheme, PaletteBits, Scheme } from '../../scheme/scheme.ts'
import { precisionName } from '../../scheme/precision.ts'
import type { Draft, Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/** Below this many elements a weight saves nothing worth its error. */
const SMALL_WEIGHT = 2048

/**
 * Default protection: the stem, the last weighted operator and small weights are stored one step
 * more precisely than their component. Not for what was asked for by name, nor with --no-protect.
 */
export const protect: Rule = (draft, request) => {
  if (!request.protect || draft.isLiteral) return draft
  const reason = protectionReason(draft)
  const scheme = oneStepUp(draft.scheme, draft.facts.outputAxis ?? 0)
  if (reason === null || scheme === draft.scheme) return draft
  return changed(draft, scheme, `${reason}: one step up to ${precisionName(scheme)}`)
}

function protectionReason(draft: Draft): string | null {
  const { facts } = draft
  if (facts.position === 'stem') return 'in the stem, before the first repeated block'
  if (facts.position === 'last') return 'the last weighted operator before an output'
  if (facts.elements < SMALL_WEIGHT) return `below ${SMALL_WEIGHT} elements`
  return null
}

const NEXT_PALETTE: Readonly<Record<PaletteBits, PaletteBits | null>> = {
  1: 2,
  2: 3,
  3: 4,
  4: 6,
  6: 8,
  8: null,
}

/** The next more precise scheme; fp16 is the top, because protection is against integers. */
function oneStepUp(scheme: Scheme, outputAxis: number): Scheme {
  switch (scheme.kind) {
    case 'float':
      return scheme
    case 'affine':
      return affineStepUp(scheme, outputAxis)
    case 'palette': {
      const bits = NEXT_PALETTE[scheme.bits]
      return bits === null ? { kind: 'float', dtype: 'float16' } : { ...scheme, bits }
    }
    case 'sparse':
      return scheme.values
  }
}

function affineStepUp(scheme: AffineScheme, outputAxis: number): Scheme {
  switch (scheme.dtype) {
    case 'int8':
      return { kind: 'float', dtype: 'float16' }
    case 'int4':
      return { ...scheme, dtype: 'int8', granularity: { kind: 'per-channel', axis: outputAxis } }
    case 'int3':
      return { ...scheme, dtype: 'int4' }
    case 'int2':
      return { ...scheme, dtype: 'int3' }
  }
}
