import { elementsOf } from '../tensor/weight.ts'
import { requireFit } from './fit.ts'

/** A tensor in blocks, seen as runs of consecutive values that lie in one block. */
export type BlockRuns = {
  /** Values in each run. */
  readonly length: number
  readonly count: number
  /** Whether run i lies in block i, for every i. */
  readonly isInOrder: boolean
  /** Writes the block of each run from `first` on, as many as fit in `out`. */
  readonly blocks: (out: Uint32Array, first: number) => void
}

/**
 * The longest runs that never leave a block. Blocks are numbered in the order of the shape
 * `shape[k] / block[k]`, row-major.
 *
 * @param block - of each axis, how many values lie in one block; divides the shape
 */
export function blockRuns(shape: readonly number[], block: readonly number[]): BlockRuns {
  requireDivides(shape, block)
  let axis = shape.length - 1
  let length = 1
  while (axis > 0 && block[axis] === shape[axis]) length *= shape[axis--]!
  length *= block[axis] ?? 1
  const outer = shape.slice(0, Math.max(0, axis))
  const outerBlock = block.slice(0, Math.max(0, axis))
  const inner = axis < 0 ? 1 : shape[axis]! / block[axis]!
  return {
    length,
    count: elementsOf(outer) * inner,
    isInOrder: outerBlock.every((size) => size === 1),
    blocks: (out, first) => fillBlocks(out, first, outer, outerBlock, inner),
  }
}

function fillBlocks(
  out: Uint32Array,
  first: number,
  outer: readonly number[],
  outerBlock: readonly number[],
  inner: number,
): void {
  let row = Math.floor(first / inner)
  let column = first % inner
  for (let i = 0; i < out.length;) {
    const start = blockOfRow(row++, outer, outerBlock) * inner
    const end = Math.min(out.length, i + inner - column)
    for (; i < end; i++) out[i] = start + column++
    column = 0
  }
}

/** The number of the block of an index into the axes `outer`, among blocks of those axes. */
function blockOfRow(row: number, outer: readonly number[], outerBlock: readonly number[]): number {
  let rest = row
  let stride = 1
  let block = 0
  for (let axis = outer.length - 1; axis >= 0; axis--) {
    const size = outer[axis]!
    const blockSize = outerBlock[axis]!
    block += Math.floor((rest % size) / blockSize) * stride
    stride *= size / blockSize
    rest = Math.floor(rest / size)
  }
  return block
}

/** Throws unless `block` has one size for each axis, each a divisor of it. */
function requireDivides(shape: readonly number[], block: readonly number[]): void {
  const divides = shape.every((size, axis) => Number.isInteger(size / (block[axis] ?? 0)))
  requireFit(
    shape.length === block.length && divides,
    `blocks of ${block.join(' x ')} in a tensor of ${shape.join(' x ')}`,
  )
}
