import type { WeightRole } from '../../operators/weight-role.ts'
import { kernelBlockSize } from '../../targets/onnx-runtime.ts'
import { elementsOf } from '../../tensor/weight.ts'
import type { Draft, Rule } from '../draft.ts'
import { changed } from '../draft.ts'

/** Fewer values than this, and a fp16 scale takes more bits than the 4-bit codes that share it. */
const SHORTEST_BLOCK_IN_VALUES = 4

/** Roles whose operators have kernels for blocks, of powers of two only. */
const BLOCK_KERNEL_ROLES: ReadonlySet<WeightRole> = new Set([
  'linear',
  'embedding',
  'tied-embedding',
])

/**
 * A block size that does not divide the input channels becomes the nearest smaller one that does;
 * where ONNX Runtime has block kernels, the nearest that these take.
 */
export const blocks: Rule = (draft) => {
  const { scheme, facts } = draft
  if (scheme.kind !== 'affine' || scheme.granularity.kind !== 'per-block') return draft
  const { axis, blockSize: wanted } = scheme.granularity
  const channels = facts.shape[axis] ?? 1
  const blockSize = fittingBlock(draft, wanted, channels)
  if (blockSize === wanted) return draft
  const divides = channels % wanted === 0
  if (blockSize * elementsOf(facts.shape.slice(2)) < SHORTEST_BLOCK_IN_VALUES) {
    return changed(
      draft,
      { ...scheme, granularity: { kind: 'per-channel', axis: facts.outputAxis ?? 0 } },
      `no block size up to ${wanted} divides ${channels} channels and is worth its scales: one scale a channel`,
    )
  }
  return changed(
    draft,
    { ...scheme, granularity: { kind: 'per-block', axis, blockSize } },
    divides
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

function largestDivisor(value: number, limit: number): number {
  for (let size = Math.min(limit, value); size > 1; size--) {
    if (value % size === 0) return size
  }
  return 1
}
