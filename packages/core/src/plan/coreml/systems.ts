import { APART, coremlForm } from '../../formats/coreml/forms.ts'
import type { AffineScheme, PaletteScheme } from '../../scheme/scheme.ts'
import { precisionName } from '../../scheme/precision.ts'
import { ATTRIBUTES_SPEC, INPUTS_SPEC } from '../../targets/coreml-versions.ts'
import type { CoremlRequest, Draft, Rule } from '../draft.ts'
import { changed } from '../draft.ts'
import { keptAtMost } from './kept.ts'
import { BITS_WITHOUT_GROUPS } from './palette-bits.ts'
import type { Change } from './values.ts'
import { valuesOf, withValues } from './values.ts'
import { bytesByChannel, bytesInFile, computesIn, formFacts, plainFloat } from './weight-form.ts'

/**
 * What iOS 16 and 17 cannot store: 4-bit integers, blocks, groups, vectors, 3 bits, int8 tables and
 * sparse integers came with iOS 18. The next best form has more bits rather than fewer scales.
 *
 * @see https://apple.github.io/coremltools/docs-guides/source/opt-whats-new.html
 */
export const systems: Rule = (draft, { coreml }) => {
  if (coreml === undefined || coreml.specs.highest >= INPUTS_SPEC) return draft
  if (coreml.specs.highest < ATTRIBUTES_SPEC) return uncompressed(draft, coreml)
  const change = olderValues(draft)
  if (draft.scheme.kind === 'sparse') return olderSparse(draft, change, coreml)
  return withValues(draft, change && { ...change, reason: held(change.reason, coreml) })
}

/** Programs of iOS 15 have no compressed weights. */
function uncompressed(draft: Draft, coreml: CoremlRequest): Draft {
  const plain = plainFloat(draft.facts)
  if (draft.scheme.kind === 'float' && draft.scheme.dtype === plain.dtype) return draft
  const { lowest, highest } = coreml.specs
  const isOld = lowest < ATTRIBUTES_SPEC || highest >= lowest
  const why = isOld ? 'iOS 16 is the first system with compressed weights' : APART
  const reason = held(why, coreml)
  return changed(draft, plain, `${reason}: ${precisionName(plain)}`)
}

function held(reason: string, { heldBack }: CoremlRequest): string {
  return heldBack === null ? reason : `${reason}, and the program cannot be raised (${heldBack})`
}

function olderValues(draft: Draft): Change | null {
  const values = valuesOf(draft.scheme)
  switch (values.kind) {
    case 'float':
      return null
    case 'affine':
      return olderIntegers(draft, values)
    case 'palette':
      return olderPalette(draft, values)
  }
}

function olderIntegers({ facts }: Draft, values: AffineScheme): Change | null {
  if (values.dtype !== 'int8') {
    return {
      scheme: bytesByChannel(facts, values),
      reason: 'iOS 18 is the first system with 4-bit integers',
    }
  }
  if (values.granularity.kind !== 'per-block') return null
  return { scheme: bytesByChannel(facts, values), reason: 'iOS 18 is the first system with blocks' }
}

function olderPalette({ facts }: Draft, values: PaletteScheme): Change | null {
  const { bits, granularity, vectorSize, table, channelScale } = values
  const plain = {
    ...values,
    granularity: { kind: 'per-tensor' },
    vectorSize: 1,
    table: 'float',
    channelScale: false,
  } as const
  const channels = facts.shape[facts.outputAxis ?? 0] ?? 1
  const isOneGroup = granularity.kind === 'per-block' && granularity.blockSize >= channels
  if (channelScale || (granularity.kind !== 'per-tensor' && !isOneGroup)) {
    const reason = 'iOS 18 is the first system with more than one table a weight'
    const more = BITS_WITHOUT_GROUPS[bits]
    if (more === null) return { scheme: bytesByChannel(facts), reason }
    return { scheme: { ...plain, bits: more }, reason: `${reason}; more bits make up for it` }
  }
  if (bits === 3) {
    return {
      scheme: { ...plain, bits: 4 },
      reason: 'iOS 18 is the first system with 3-bit indices',
    }
  }
  if (vectorSize > 1) {
    return { scheme: plain, reason: 'iOS 18 is the first system with tables of vectors' }
  }
  if (table === 'int8') {
    return { scheme: plain, reason: 'iOS 18 is the first system with 8-bit tables' }
  }
  return isOneGroup ? { scheme: plain, reason: 'one group holds all channels', isSame: true } : null
}

/** Either the mask stays and its values become floats, or all values are stored: the smaller of both. */
function olderSparse(draft: Draft, change: Change | null, coreml: CoremlRequest): Draft {
  const { scheme, facts } = draft
  const { specs } = coreml
  if (scheme.kind !== 'sparse' || scheme.values.kind === 'float') return draft
  const weight = formFacts(facts)
  const floats = { ...scheme, values: { kind: 'float', dtype: computesIn(facts) } } as const
  const dense = change?.scheme ?? scheme.values
  const masked = coremlForm(weight, floats, specs)
  const whole = coremlForm(weight, dense, specs)
  const isMasked =
    masked.kind !== 'none' &&
    (whole.kind === 'none' || bytesInFile(keptAtMost(masked, facts, scheme)) < bytesInFile(whole))
  const next = isMasked ? floats : dense
  const reason = held('iOS 18 is the first system with sparse integers and palettes', coreml)
  return changed(draft, next, `${reason}: ${precisionName(next)}`)
}
