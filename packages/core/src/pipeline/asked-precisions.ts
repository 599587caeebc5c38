import { MixbitError } from '../base/error.ts'
import type { ResolvedConfig } from '../config/merge-config.ts'

/** A preset names the components of a vision-language model, which other models do not have. */
export function refusePreset({ preset, origins }: ResolvedConfig, what: string): void {
  if (preset === null || origins['preset'] === 'default') return
  throw new MixbitError(
    'usage',
    `The preset "${preset}" is for checkpoints; ${what} take --precision, --component or --layer.`,
    { preset },
  )
}

/** What was asked for of the weights of graphs and packages: int8 where nothing was. */
export function askedPrecisions({ precision, components, layers, origins }: ResolvedConfig): {
  readonly precision: string | null
  readonly components: Readonly<Record<string, string>>
} {
  const own = Object.entries(components).filter(
    ([name]) => origins[`components.${name}`] !== 'preset',
  )
  const isAsked = precision !== null || layers.length > 0 || own.length > 0
  return {
    precision: precision ?? (isAsked ? null : 'int8'),
    components: Object.fromEntries(own),
  }
}
