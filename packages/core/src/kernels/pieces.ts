/** Values that are worked on at once: what SIMD kernels have memory for; whole segments of the error sum. */
export const CHUNK = 65536

/** Whole blocks, or a part of one long block. */
export type Piece = {
  /** First value, and values. */
  readonly start: number
  readonly length: number
  /** First block, and blocks. */
  readonly block: number
  readonly blocks: number
  /** Values of each block in this piece. */
  readonly blockLength: number
}

/** Cuts `length` values in blocks into pieces, in order. */
export function* pieces(length: number, blockLength: number): Generator<Piece> {
  const blocksAtOnce = Math.max(1, Math.floor(CHUNK / blockLength))
  const blocks = length / blockLength
  for (let block = 0; block < blocks; block += blocksAtOnce) {
    const count = Math.min(blocksAtOnce, blocks - block)
    const end = (block + count) * blockLength
    const step = Math.min(CHUNK, blockLength)
    if (blockLength <= CHUNK) {
      const start = block * blockLength
      yield { start, length: end - start, block, blocks: count, blockLength: step }
      continue
    }
    for (let start = block * blockLength; start < end; start += step) {
      const part = Math.min(step, end - start)
      yield { start, length: part, block, blocks: 1, blockLength: part }
    }
  }
}
