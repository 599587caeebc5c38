import { mergeErrors, NO_ERROR } from './error-sums.ts'
import { requireBlocks, requireFit } from './fit.ts'
import type { ErrorSums, Kernels } from './kernels.ts'
import { CHUNK, pieces } from './pieces.ts'
import type { Piece } from './pieces.ts'
import type { Arena } from './simd-arena.ts'
import { sumOfFour } from './sum-of-four.ts'

/** Puts the scales and zero points of a piece in place; the address of the latter, or 0. */
export function loadScales(
  arena: Arena,
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  { block, blocks }: Piece,
): number {
  const { at } = arena
  arena.floats(at.scale, blocks).set(scale.subarray(block, block + blocks))
  if (zeroPoint === undefined) return 0
  arena.codes(at.zeroPoint, blocks).set(zeroPoint.subarray(block, block + blocks))
  return at.zeroPoint
}

/** `errorSums` in SIMD. */
export function simdErrorSums(arena: Arena, x: Float32Array, y: Float32Array): ErrorSums {
  requireFit(x.length === y.length, `${x.length} and ${y.length} values`)
  const { at } = arena
  const totals = arena.doubles(at.totals, 12).fill(0)
  for (let start = 0; start < x.length; start += CHUNK) {
    const length = Math.min(CHUNK, x.length - start)
    const padded = (length + 3) & ~3
    loadPadded(arena.floats(at.x, padded), x, start)
    loadPadded(arena.floats(at.weights, padded), y, start)
    arena.run('errorSums', at.totals, at.x, at.weights, padded)
  }
  return errorOf(totals)
}

/**
 * `codeErrors` in SIMD: decoded values never leave the module's memory.
 *
 * Values of 'float16' are right only with scales that are halves: their float32 products are exact.
 */
export function simdCodeErrors(arena: Arena): Kernels['codeErrors'] {
  const { at } = arena
  return (x, codes, scale, zeroPoint, { blockLength, dtype }) => {
    requireBlocks(codes, scale, zeroPoint, blockLength)
    requireFit(codes.length === x.length, `${codes.length} codes, ${x.length} values`)
    const isHalf = dtype === 'float16' ? 1 : 0
    let error = NO_ERROR
    for (const piece of pieces(x.length, blockLength)) {
      const { start, length, blocks } = piece
      const padded = (length + 3) & ~3
      loadPadded(arena.floats(at.x, padded), x.subarray(start, start + length), 0)
      arena.codes(at.weights, length).set(codes.subarray(start, start + length))
      const zeroPoints = loadScales(arena, scale, zeroPoint, piece)
      const data = [at.out, at.weights, at.scale, zeroPoints] as const
      arena.run('decodeBlocks', ...data, piece.blockLength, blocks, isHalf)
      const totals = arena.doubles(at.totals, 12).fill(0)
      arena.run('errorSums', at.totals, at.x, at.out, padded)
      error = mergeErrors(error, errorOf(totals))
    }
    return error
  }
}

function errorOf(totals: Float64Array): ErrorSums {
  return {
    squaredError: sumOfFour(totals.subarray(0, 4)),
    squaredSignal: sumOfFour(totals.subarray(4, 8)),
    maxAbsError: Math.max(...totals.subarray(8)),
  }
}

/** Fills `room` with values from `start` on, and what is beyond their end with NaN. */
function loadPadded(room: Float32Array, x: Float32Array, start: number): void {
  const length = Math.min(room.length, x.length - start)
  room.set(x.subarray(start, start + length))
  room.fill(Number.NaN, length)
}
