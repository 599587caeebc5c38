import { ensure } from '../../base/error.ts'
import type { PaletteRule } from '../../config/settings.ts'
import type { PaletteBits } from '../../scheme/scheme.ts'
import type { StoredFloat } from './stored-float.ts'

/** How a tensor is to be stored as indices into tables. */
export type PaletteSpec = {
  readonly shape: readonly number[]
  readonly outputAxis: number
  readonly bits: PaletteBits
  /** Output channels that share a table; divides them. */
  readonly channels: number
  /** Consecutive output channels that share an index; divides `channels`. */
  readonly vectorSize: number
  /** What tables hold: floats, or int8 with one scale for all. */
  readonly tableKind: 'float' | 'int8'
  /** Channels are divided by their largest magnitude, and share a table times that magnitude. */
  readonly channelScale: boolean
  readonly rule: PaletteRule
  /** What values decode to. */
  readonly dtype: StoredFloat
  /** How much the squared error of each value counts: float32, one a value, >= 0, finite. */
  readonly importance?: Float32Array
  /** The one table for all, instead of one made from the values: 2^bits entries, ascending. */
  readonly table?: Float32Array
  /** The codes of the one table for all, which is of int8; with `step`. */
  readonly tableCodes?: Int8Array
  /** The step between codes of int8 tables, where it was chosen before. */
  readonly step?: number
}

/** Throws `unsupported-scheme` when a weight cannot be stored so. */
export function requirePalette(spec: PaletteSpec): void {
  const { shape, outputAxis, channels, vectorSize, channelScale, rule, table } = spec
  const outputs = shape[outputAxis] ?? 0
  const facts = { outputs, channels, vectorSize }
  ensure(
    Number.isInteger(outputs / channels) && Number.isInteger(channels / vectorSize),
    'unsupported-scheme',
    `Tables for ${channels} output channels with vectors of ${vectorSize} do not divide ${outputs} ` +
      'output channels. Use sizes that divide them.',
    facts,
  )
  ensure(
    rule !== 'uniform' || vectorSize === 1,
    'unsupported-scheme',
    'A uniform table has single values. Use the palette rule kmeans for vectors.',
    facts,
  )
  ensure(
    rule !== 'unique' || !channelScale,
    'unsupported-scheme',
    'The palette rule unique keeps the values themselves. Leave the channel scale out, or use kmeans.',
    facts,
  )
  ensure(
    table === undefined || (vectorSize === 1 && !channelScale && spec.tableKind === 'float'),
    'unsupported-scheme',
    'A given table is of single floats, without a scale for each channel.',
    facts,
  )
}
