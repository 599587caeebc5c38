import type { WeightRole } from '../../operators/weight-role.ts'
import type { AffineScheme } from '../../scheme/scheme.ts'
import { INTEGER_BITS } from '../../scheme/scheme.ts'
import { kernelBlockSize } from '../../targets/onnx-runtime.ts'
import { elementsOf } from '../../tensor/weight.ts'
import type { Draft, Rule } from '../draft.ts'
import { changed } from '../draft.ts'
import { largestDivisor } from '../largest-divisor.ts'

/** Codes with fewer bits in all than this take less room than the fp16 scale that they share. */
const SCALE_BITS = 16

/** Roles whose operators have kernels for blocks, of powers of two only. */
const BLOCK_KERNEL_ROLES: ReadonlySet<WeightRole> = new Set([
  'linear',
  'embedding',
  'tied-embedding',
])

/**
 * A block size that does not divide the input channels becomes the nearest smaller one that does;
 * where ONNX Runtime has block kernels, the nearest that these take. What leaves one block of all
 * channels, or blocks too short for a scale of their own, becomes a scale a channel.
 */
export const blocks: Rule = (draft) => {
  const { scheme, facts } = draft
  if (scheme.kind !== 'affine' || scheme.granularity.kind !== 'per-block') return draft
  const { axis, blockSize: wanted } = scheme.granularity
  const channels = facts.shape[axis] ?? 1
  const blockSize = fittingBlock(draft, wanted, channels)
  const isKernel = BLOCK_KERNEL_ROLES.has(facts.role)
  if (isKernel && kernelBlockSize(blockSize, channels) === blockSize) {
    return blockSize === wanted ? draft : withBlocks(draft, scheme, axis, blockSize)
  }
  if (blockSize === channels && blockSize !== wanted) {
    return byChannel(draft, scheme, `one block would span all ${channels} channels`)
  }
  if (blockSize * elementsOf(facts.shape.slice(2)) * INTEGER_BITS[scheme.dtype] < SCALE_BITS) {
    const reason = `no block size up to ${wanted} divides ${channels} channels and is worth its scales`
    return byChannel(draft, scheme, reason)
  }
  return blockSize === wanted ? draft : withBlocks(draft, scheme, axis, blockSize)
}

function byChannel(draft: Draft, scheme: AffineScheme, reason: string): Draft {
  const axis = draft.facts.outputAxis ?? 0
  return changed(
    draft,
    { ...scheme, granularity: { kind: 'per-channel', axis } },
    `${reason}: one scale a channel`,
  )
}

function withBlocks(draft: Draft, scheme: AffineScheme, axis: number, blockSize: number): Draft {
  const { granularity } = scheme
  const wanted = granularity.kind === 'per-block' ? granularity.blockSize : 0
  const channels = draft.facts.shape[axis] ?? 1
  return changed(
    draft,
    { ...scheme, granularity: { kind: 'per-block', axis, blockSize } },
    channels % wanted === 0
      ? `ONNX Runtime's block kernels take powers of two from 16 to 256: blocks of ${blockSize}`
      : `blocks of ${wanted} do not divide ${channels} channels: blocks of ${blockSize}`,
  )
}

/** A linear weight can be stored in other blocks too, only slower: a literal wish for them counts. */
function fittingBlock({ facts, isLiteral }: Draft, wanted: number, channels: number): number {
  const divides = channels % wanted === 0
  if (divides && isLiteral && facts.role === 'linear') return wanted
  const kernel = BLOCK_KERNEL_ROLES.has(facts.role) ? kernelBlockSize(wanted, channels) : null
  return kernel ?? (divides ? wanted : largestDivisor(channels, wanted))
}
