import { MixbitError } from '../base/error.ts'
import { nearPatterns } from './near-patterns.ts'
import type { LayerRule } from './patterns.ts'
import { matchesPattern, quoted } from './patterns.ts'

/** How many near names an error lists. */
const LISTED_NAMES = 3

/**
 * Refuses rules that match no layer: a slip in a pattern would otherwise go unseen.
 *
 * @param layers - the names of all layers of the model
 */
export function checkPatterns(rules: readonly LayerRule[], layers: readonly string[]): void {
  for (const { pattern } of rules) {
    if (layers.some((layer) => matchesPattern(pattern, layer))) continue
    const near = nearPatterns(pattern, layers, LISTED_NAMES)
    throw new MixbitError(
      'pattern-without-match',
      `No layer matches "${pattern}".${near.length === 0 ? '' : ` Near it: ${quoted(near)}.`} ` +
        '`mixbit audit --verbose` lists all layers.',
      { pattern, near },
    )
  }
}
