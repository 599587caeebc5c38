import type { PaletteBits } from '../../scheme/scheme.ts'

/**
 * Bits of one table for the whole weight that lose less than a table a group: ResNet50 keeps 69.3 to
 * 73.1 % top-1 with 4 bits in groups of 16 to 4 and 75.6 % with 6 bits and one table; OPT-1.3B has a
 * perplexity of 93.4 with 3 bits a channel and 21.6 with 4 bits and one table.
 *
 * null: 8 bits per channel.
 *
 * @see https://apple.github.io/coremltools/docs-guides/source/opt-resnet.html
 * @see https://apple.github.io/coremltools/docs-guides/source/opt-opt1_3.html
 */
export const BITS_WITHOUT_GROUPS: Readonly<Record<PaletteBits, PaletteBits | null>> = {
  1: 2,
  2: 4,
  3: 4,
  4: 6,
  6: 8,
  8: null,
}
