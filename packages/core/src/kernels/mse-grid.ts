import type { BlockSpec } from './kernels.ts'

/**
 * Scales that the search tries, as fractions of the scale that clips nothing, largest first; 1 is
 * among them, so the search never does worse than plain rounding.
 *
 * Chosen by measurement against the best of 400 scales in [0.2, 1.2], on normal, Laplace and
 * Student-t(4) values and on a trained model. Sum of squared errors above that best, for plain
 * rounding and for this grid: int4 in blocks of 32, 9-16 % and 0.3-0.5 %; of 128, 20-22 % and
 * 0.3 %; per channel of 896, 48-93 % and 0.4 %; int3 in blocks of 32, 25-35 % and 0.3 %; int2,
 * 86-158 % and 0.4 %. Short blocks often do best slightly above 1, where another alignment of
 * the largest value fits the rest better; 2 bits reach down to 0.3. Twice as many candidates gain
 * less than 0.3 %.
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
 * logits from 23.1 to 20.1 dB and VQA accuracy from 99.05 to 98.75 %.
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
