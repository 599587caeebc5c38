import type { SearchSpec } from './kernels.ts'
import { clipFractions } from './mse-grid.ts'
import { blockWeights, requireRows, storedCandidates } from './mse-search.ts'
import { CHUNK, type Piece, pieces } from './pieces.ts'
import { roundScales } from './scales.ts'
import type { Arena } from './simd-arena.ts'

/**
 * The symmetric search of `mseScales`, from plain scales to the best ones.
 *
 * @param scale - in and out: `symmetricScales` of `x`, then the scale to store
 */
export function simdMseScales(
  arena: Arena,
  scale: Float32Array,
  x: Float32Array,
  importance: Float32Array | undefined,
  spec: SearchSpec,
): void {
  requireRows(x, importance, spec)
  if (spec.blockLength > CHUNK) {
    for (let block = 0; block < scale.length; block++) {
      scale[block] = searchLongBlock(arena, scale[block]!, block, x, importance, spec)
    }
  } else {
    searchShortBlocks(arena, scale, x, importance, spec)
  }
  // Blocks that were not searched still hold their plain scale; stored ones stay as they are.
  roundScales(scale, scale, spec.scaleDtype)
}

/** Blocks that fit in memory whole. */
function searchShortBlocks(
  arena: Arena,
  scale: Float32Array,
  x: Float32Array,
  importance: Float32Array | undefined,
  spec: SearchSpec,
): void {
  const { at } = arena
  const fractions = clipFractions(spec)
  const isHalf = spec.scaleDtype === 'float16' ? 1 : 0
  arena.floats(at.fractions, fractions.length).set(fractions)
  const weights = importance === undefined ? 0 : at.weights
  for (const piece of pieces(x.length, spec.blockLength)) {
    const { block, blocks, blockLength } = piece
    loadValues(arena, x, piece)
    if (importance !== undefined) loadBlockWeights(arena, importance, piece, spec)
    const plain = arena.floats(at.scale, blocks)
    plain.set(scale.subarray(block, block + blocks))
    const data = [at.scale, at.x, weights, blockLength, blocks] as const
    const grid = [at.fractions, fractions.length, at.candidates, at.totals] as const
    arena.run('searchBlocks', ...data, ...grid, isHalf, spec.qmin, spec.qmax)
    scale.set(plain, block)
  }
}

/** A block that passes through memory in parts; returns its best scale. */
function searchLongBlock(
  arena: Arena,
  plain: number,
  block: number,
  x: Float32Array,
  importance: Float32Array | undefined,
  spec: SearchSpec,
): number {
  const { at } = arena
  const scales = Float32Array.from(storedCandidates(plain, clipFractions(spec), spec.scaleDtype))
  if (scales.length === 1) return scales[0]!
  arena.floats(at.candidates, scales.length).set(scales)
  const totals = arena.doubles(at.totals, scales.length).fill(0)
  const start = block * spec.blockLength
  const weights = blockWeights(importance, start, spec)
  const values = x.subarray(start, start + spec.blockLength)
  for (const piece of pieces(values.length, values.length)) {
    loadValues(arena, values, piece)
    if (weights !== undefined) {
      loadWeights(arena.floats(at.weights, piece.length), weights, piece.start)
    }
    const data = [at.totals, at.x, weights === undefined ? 0 : at.weights, piece.length] as const
    const grid = [at.candidates, scales.length] as const
    arena.run('addErrors', ...data, ...grid, plain, spec.qmin, spec.qmax)
  }
  return bestScale(scales, totals)
}

/** The first of the scales with the smallest error. */
function bestScale(scales: Float32Array, totals: Float64Array): number {
  let best = scales[0]!
  let smallest = Infinity
  for (let i = 0; i < scales.length; i++) {
    const error = totals[i]! * scales[i]! * scales[i]!
    if (error < smallest) {
      smallest = error
      best = scales[i]!
    }
  }
  return best
}

/** NaN and infinity as 0, which has no error. */
function loadValues(arena: Arena, x: Float32Array, { start, length }: Piece): void {
  arena.floats(arena.at.x, length).set(x.subarray(start, start + length))
  arena.run('clearNotFinite', arena.at.x, length)
}

function loadBlockWeights(
  arena: Arena,
  importance: Float32Array,
  piece: Piece,
  spec: SearchSpec,
): void {
  const out = arena.floats(arena.at.weights, piece.length)
  for (let first = 0; first < piece.length; first += spec.blockLength) {
    const weights = blockWeights(importance, piece.start + first, spec)
    loadWeights(out.subarray(first, first + spec.blockLength), weights, 0)
  }
}

/** `weights`, repeated, from value `start` of the block on; 1 without any. */
function loadWeights(out: Float32Array, weights: Float32Array | undefined, start: number): void {
  if (weights === undefined) {
    out.fill(1)
    return
  }
  let done = 0
  while (done < out.length) {
    const from = (start + done) % weights.length
    const part = weights.subarray(from, from + out.length - done)
    out.set(part, done)
    done += part.length
  }
}
