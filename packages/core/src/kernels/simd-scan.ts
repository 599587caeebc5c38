import { requireFit } from './fit.ts'
import type { ValueScan } from './kernels.ts'
import { CHUNK } from './pieces.ts'
import { GROUP_LENGTH } from './scan.ts'
import type { Arena } from './simd-arena.ts'
import { sumOfFour } from './sum-of-four.ts'

/** Whole rows, or a part of one long row that ends where a run ends. */
type ScanPiece = {
  readonly start: number
  readonly cols: number
  readonly rows: number
}

/** `scanValues` in SIMD. */
export function simdScanValues(arena: Arena, x: Float32Array, cols: number): ValueScan {
  return scanPieces(arena, x.length, cols, (start, length) => {
    arena.floats(arena.at.x, length).set(x.subarray(start, start + length))
  })
}

/** `scanHalves` in SIMD. */
export function simdScanHalves(arena: Arena, bits: Uint16Array, cols: number): ValueScan {
  const { at } = arena
  return scanPieces(arena, bits.length, cols, (start, length) => {
    arena.halves(at.weights, length).set(bits.subarray(start, start + length))
    arena.run('halfToFloat', at.x, at.weights, length)
  })
}

/** @param load - puts values of the array in place as float32 */
function scanPieces(
  arena: Arena,
  length: number,
  cols: number,
  load: (start: number, length: number) => void,
): ValueScan {
  requireFit(cols >= 1 && length % cols === 0, `${length} values in rows of ${cols}`)
  const { at } = arena
  const sums = arena.doubles(at.totals, 8).fill(0)
  const ends = arena.floats(at.totals + 64, 3)
  ends.set([Infinity, -Infinity, Infinity])
  const counts = arena.words(at.totals + 76, 2)
  let zeros = 0
  let finite = 0
  for (const piece of piecesOf(length, cols)) {
    load(piece.start, piece.rows * piece.cols)
    arena.run('scanRows', at.totals, at.x, piece.cols, piece.rows)
    zeros += counts[0]!
    finite += counts[1]!
  }
  const [min = 0, max = 0, smallest = 0] = ends
  return {
    finite,
    notFinite: length - finite,
    zeros,
    min: min + 0,
    max: max + 0,
    sum: sumOfFour(sums.subarray(0, 4)),
    sumSquares: sumOfFour(sums.subarray(4)),
    smallestGroup: smallest === Infinity ? null : smallest,
  }
}

function* piecesOf(length: number, cols: number): Generator<ScanPiece> {
  if (cols <= CHUNK) {
    const step = Math.floor(CHUNK / cols) * cols
    for (let start = 0; start < length; start += step) {
      yield { start, cols, rows: Math.min(step, length - start) / cols }
    }
    return
  }
  for (let row = 0; row < length; row += cols) {
    for (let start = row, end = row; start < row + cols; start = end) {
      const left = row + cols - start
      // The last run of a row is not shorter than the others.
      const short = left > CHUNK && left < CHUNK + GROUP_LENGTH ? GROUP_LENGTH : 0
      end = start + Math.min(CHUNK - short, left)
      yield { start, cols: end - start, rows: 1 }
    }
  }
}
