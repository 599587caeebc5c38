import type { BlockSpec } from './kernels.ts'

/**
 * Scales that the search tries, as fractions of the scale that clips nothing, with its sign, largest
 * magnitude first; 1 is among them, so the search never does worse than plain rounding.
 *
 * Chosen by measurement on normal, Laplace and Student-t(4) values and on a trained model. Sum of
 * squared errors above the best of 400 fractions from 0.24 to 1.45 in both signs, for the scale that
 * clips nothing and for this grid: int4 in blocks of 32, 9-14 % and 0.2-0.3 %; of 128, 15-21 % and
 * 0.1-0.3 %; per channel of 896, 48-78 % and 0.3-1.4 %; int3 in blocks of 32, 21-30 % and 0.2-0.4 %;
 * int2, 79-143 % and 1.0-2.2 %, of which the other sign would take off 0.6-1.5 %. Short blocks
 * may do best slightly above 1, where another alignment of the largest value fits the rest better;
 * 2 bits reach down to 0.3.
 */
const FEW_LEVELS: readonly number[] = [...steps(74, 51, 1), ...steps(47, 19, 4)].map((k) => k / 64)

/**
 * The same for 8 bits, where the best scale lies within 0.97 to 1.04 per channel and up to 1.19
 * in blocks of 32: per channel of 896, 2-3 % for plain rounding and 0.3 % for this grid.
 */
const MANY_LEVELS: readonly number[] = [...steps(212, 189, 1), ...steps(180, 96, 12)].map(
  (k) => k / 192,
)

/**
 * The same for short blocks of 4 bits. The best clip of 32 bell-shaped values lies near
 * 1; a deep clip wins there only where one outlier stands alone, such as the diagonal of a folded
 * skip connection. Squared error calls that a small loss, but it shrinks one path of the network
 * in every block alike: on FastVLM-nano in blocks of 32, with calibration, deep clips took the
 * logits from 25.7 to 23.6 dB; VQA accuracy stayed at 99.15 %, and fell from 97.17 to 96.83 % on dark
 * pictures.
 */
const SHORT_BLOCKS: readonly number[] = steps(74, 59, 1).map((k) => k / 64)

/** Up to this many values a block is short: its largest value is about where the best clip is. */
const LONGEST_SHORT_BLOCK = 64

/** The fractions for a kind of block, as float32; always a multiple of 4. */
export function clipFractions({ qmin, qmax, blockLength }: BlockSpec): Float32Array {
  if (qmax - qmin > 15) return Float32Array.from(MANY_LEVELS)
  const isShort = blockLength <= LONGEST_SHORT_BLOCK && qmax - qmin === 15
  return Float32Array.from(isShort ? SHORT_BLOCKS : FEW_LEVELS)
}

function steps(from: number, to: number, step: number): readonly number[] {
  return Array.from({ length: (from - to) / step + 1 }, (_, i) => from - i * step)
}
