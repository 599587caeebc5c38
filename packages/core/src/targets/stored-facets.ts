import type { PaletteScheme, Scheme, SparseScheme } from '../scheme/scheme.ts'
import { INTEGER_BITS } from '../scheme/scheme.ts'
import type { StoredFacet } from './coreml-devices.ts'

/** The sides of a scheme that devices care about; none for floats. */
export function storedFacets(scheme: Scheme): readonly StoredFacet[] {
  switch (scheme.kind) {
    case 'float':
      return []
    case 'affine':
      return [
        {
          kind: 'integers',
          bits: INTEGER_BITS[scheme.dtype],
          granularity: scheme.granularity.kind,
        },
      ]
    case 'palette':
      return [{ kind: 'palette', bits: scheme.bits, channels: channelsOf(scheme) }]
    case 'sparse':
      return [zerosOf(scheme.pattern), ...storedFacets(scheme.values)]
  }
}

/** Output channels that share a stored table, all for a single one; a scale folded in gives each its own. */
function channelsOf(scheme: PaletteScheme): number {
  if (scheme.channelScale) return scheme.vectorSize
  switch (scheme.granularity.kind) {
    case 'per-tensor':
      return Number.POSITIVE_INFINITY
    case 'per-channel':
      return 1
    case 'per-block':
      return scheme.granularity.blockSize
  }
}

/** What is promised of zeros; a threshold promises none. */
function zerosOf(pattern: SparseScheme['pattern']): StoredFacet {
  switch (pattern.kind) {
    case 'fraction':
      return { kind: 'zeros', share: pattern.zeros, run: 1 }
    case 'structured':
      return { kind: 'zeros', share: pattern.zeros, run: pattern.size }
    case 'threshold':
      return { kind: 'zeros', share: 0, run: 1 }
    case 'n-of-m':
      return { kind: 'zeros', share: 1 - pattern.n / pattern.m, run: 1 }
  }
}
