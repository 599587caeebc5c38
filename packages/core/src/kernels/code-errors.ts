import { decodeBlocks } from './encode.ts'
import { errorSums, mergeErrors, NO_ERROR } from './error-sums.ts'
import { requireFit } from './fit.ts'
import type { DecodeSpec, ErrorSums } from './kernels.ts'
import { CHUNK, pieces } from './pieces.ts'

/**
 * `errorSums` between values and what their codes decode to, piece by piece, so that no second copy
 * of the matrix is needed; the sums of the pieces are added in order.
 *
 * @param x - float32, one a code
 */
export function codeErrors(
  x: Float32Array,
  codes: Int8Array,
  scale: Float32Array,
  zeroPoint: Int8Array | undefined,
  { blockLength, dtype }: DecodeSpec,
): ErrorSums {
  requireFit(codes.length === x.length, `${codes.length} codes, ${x.length} values`)
  const decoded = new Float32Array(Math.min(CHUNK, x.length))
  let error = NO_ERROR
  for (const piece of pieces(x.length, blockLength)) {
    const { start, length, block, blocks } = piece
    const out = decoded.subarray(0, length)
    const zeros = zeroPoint?.subarray(block, block + blocks)
    const spec = { blockLength: piece.blockLength, dtype }
    decodeBlocks(
      out,
      codes.subarray(start, start + length),
      scale.subarray(block, block + blocks),
      zeros,
      spec,
    )
    error = mergeErrors(error, errorSums(x.subarray(start, start + length), out))
  }
  return error
}
