import type { AffineScheme, PaletteScheme } from '../../scheme/scheme.ts'
import type { Draft, Rule } from '../draft.ts'
import type { Change } from './values.ts'
import { valuesOf, withValues } from './values.ts'
import { computesIn } from './weight-form.ts'

/**
 * What no Core ML system has: integers of 3 and 2 bits, masks over vectors, and floats that operators do
 * not want: more precise ones, or others behind a mask.
 */
export const kinds: Rule = (draft) => withValues(draft, nearestKind(draft))

function nearestKind({ scheme, facts }: Draft): Change | null {
  const values = valuesOf(scheme)
  switch (values.kind) {
    case 'float': {
      const dtype = computesIn(facts)
      if (values.dtype === dtype) return null
      if (scheme.kind === 'sparse') {
        const reason = 'a mask keeps values as their operators want them'
        return { scheme: { kind: 'float', dtype }, reason }
      }
      if (dtype === 'float32') return null
      return { scheme: { kind: 'float', dtype }, reason: 'its operators compute in fp16' }
    }
    case 'affine':
      return fewBits(values, facts.outputAxis ?? 0)
    case 'palette':
      if (scheme.kind !== 'sparse' || values.vectorSize === 1) return null
      return {
        scheme: { ...values, vectorSize: 1 },
        reason: 'a mask keeps single values, not vectors',
      }
  }
}

/**
 * A table holds as many levels as integers of the same bits have, at better places. No table is
 * worth its bytes for a block of a few dozen values, so blocks take 4 bits.
 */
function fewBits(values: AffineScheme, outputAxis: number): Change | null {
  const { dtype, granularity } = values
  if (dtype !== 'int3' && dtype !== 'int2') return null
  const reason = `Core ML has integers of 8 and 4 bits, not ${dtype}`
  if (granularity.kind === 'per-block') {
    return { scheme: { ...values, dtype: 'int4' }, reason }
  }
  const palette: PaletteScheme = {
    kind: 'palette',
    bits: dtype === 'int3' ? 3 : 2,
    granularity:
      granularity.kind === 'per-tensor' ? granularity : { kind: 'per-channel', axis: outputAxis },
    vectorSize: 1,
    table: 'float',
    channelScale: false,
  }
  return { scheme: palette, reason: `${reason}; a table has as many levels` }
}
