import { elementsOf } from '../../tensor/weight.ts'
import type { AffineScheme, PaletteScheme } from '../../scheme/scheme.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import type { Draft, Rule } from '../draft.ts'
import { largestDivisor } from '../largest-divisor.ts'
import { groupOfVectors } from './group-of-vectors.ts'
import type { Change } from './values.ts'
import { valuesOf, withValues } from './values.ts'
import { computesIn } from './weight-form.ts'

/**
 * Blocks, groups and vectors that do not divide the channels become the nearest smaller ones that do;
 * one that holds all channels has a simpler name.
 */
export const divisors: Rule = (draft) => {
  const values = valuesOf(draft.scheme)
  switch (values.kind) {
    case 'float':
      return draft
    case 'affine':
      return withValues(draft, fittingBlock(draft, values))
    case 'palette':
      return withVectors(withValues(draft, fittingGroup(draft, values)))
  }
}

function fittingBlock({ facts }: Draft, values: AffineScheme): Change | null {
  const { granularity } = values
  if (granularity.kind !== 'per-block') return null
  const { axis, blockSize: wanted } = granularity
  const channels = facts.shape[axis] ?? 1
  const blockSize = largestDivisor(channels, wanted)
  const byChannel: AffineScheme = {
    ...values,
    granularity: { kind: 'per-channel', axis: facts.outputAxis ?? 0 },
  }
  if (blockSize === channels) {
    return {
      scheme: byChannel,
      reason: `one block would hold all ${channels} input channels`,
      isSame: true,
    }
  }
  const misfit = `blocks of ${wanted} do not divide ${channels} input channels`
  const kernel = elementsOf(facts.shape.filter((_, at) => at !== axis && at !== facts.outputAxis))
  const scaleBits = computesIn(facts) === 'float16' ? 16 : 32
  if (blockSize * kernel * INTEGER_BITS[values.dtype] < scaleBits) {
    const few = `a scale of each ${valuesText(blockSize * kernel)} would take more room than codes`
    return {
      scheme: byChannel,
      reason: blockSize === wanted ? few : `${misfit}, and ${few}`,
    }
  }
  if (blockSize === wanted) return null
  return {
    scheme: { ...values, granularity: { kind: 'per-block', axis, blockSize } },
    reason: misfit,
  }
}

function valuesText(count: number): string {
  return count === 1 ? 'value' : `${count} values`
}

function fittingGroup({ facts }: Draft, values: PaletteScheme): Change | null {
  const { granularity, vectorSize } = values
  if (granularity.kind !== 'per-block') return null
  const { axis, blockSize: wanted } = granularity
  const channels = facts.shape[axis] ?? 1
  const blockSize = groupOfVectors(channels, wanted, vectorSize)
  if (blockSize === channels) {
    return {
      scheme: { ...values, granularity: { kind: 'per-tensor' } },
      reason: `one group would hold all ${channels} output channels`,
      isSame: true,
    }
  }
  if (blockSize === wanted) return null
  return {
    scheme: {
      ...values,
      granularity:
        blockSize === 1 ? { kind: 'per-channel', axis } : { kind: 'per-block', axis, blockSize },
    },
    reason: `groups of ${wanted} do not divide ${channels} output channels`,
  }
}

/** A vector lies within the output channels that share a table. */
function withVectors(draft: Draft): Draft {
  const values = valuesOf(draft.scheme)
  if (values.kind !== 'palette' || values.vectorSize === 1) return draft
  const channels = tableChannels(draft, values)
  const vectorSize = largestDivisor(channels, values.vectorSize)
  if (vectorSize === values.vectorSize) return draft
  return withValues(draft, {
    scheme: { ...values, vectorSize },
    reason: `vectors of ${values.vectorSize} do not divide ${channels} output channels`,
  })
}

function tableChannels({ facts }: Draft, { granularity }: PaletteScheme): number {
  switch (granularity.kind) {
    case 'per-tensor':
      return facts.shape[facts.outputAxis ?? 0] ?? 1
    case 'per-channel':
      return 1
    case 'per-block':
      return granularity.blockSize
  }
}
