import type { LayerAlgorithm, PaletteRule } from '../../config/settings.ts'
import { ALGORITHMS, PALETTE_RULES } from '../../config/settings.ts'
import type { PaletteScheme } from '../../scheme/scheme.ts'
import { bitsPerValue } from '../../scheme/scheme.ts'
import type { Draft, PlanRequest, Rule } from '../draft.ts'

/** What chooses scales or tables: the one that was asked for where it fits what is stored. */
export const algorithm: Rule = (draft, request) => ({
  ...draft,
  algorithm: algorithmOf(draft, request),
})

/** From 4 bits down the best clip is worth its search; at 8 bits covering the range is. */
function algorithmOf({ scheme }: Draft, { algorithm: asked }: PlanRequest): LayerAlgorithm {
  const values = scheme.kind === 'sparse' ? scheme.values : scheme
  switch (values.kind) {
    case 'float':
      return 'round'
    case 'affine':
      return (
        ALGORITHMS.find((name) => name === asked) ?? (bitsPerValue(values) <= 4 ? 'mse' : 'round')
      )
    case 'palette':
      return PALETTE_RULES.find((name) => name === asked && fills(name, values)) ?? 'kmeans'
  }
}

/** Vectors have no even steps, and channels that are scaled have other values than their own. */
function fills(rule: PaletteRule, { vectorSize, channelScale }: PaletteScheme): boolean {
  if (rule === 'uniform') return vectorSize === 1
  return rule === 'kmeans' || !channelScale
}
