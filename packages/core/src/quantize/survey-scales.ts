import { countedScale } from '../algorithms/counted-scale.ts'
import type { OneScale } from '../algorithms/counted-scale.ts'
import type { WeightSpec } from '../algorithms/encode-weight.ts'
import { largestTableEntry, sharedTableCodes } from '../algorithms/palette/int8-tables.ts'
import { channelGroups } from '../algorithms/palette/encode-palette.ts'
import { paletteTable } from '../algorithms/palette/palette-table.ts'
import type { TableSpec } from '../algorithms/palette/palette-table.ts'
import { affineBlock, tableChannels } from '../algorithms/scheme-blocks.ts'
import type { PaletteRule } from '../config/settings.ts'
import { blockEnds } from '../kernels/block-ends.ts'
import type { BlockEnds } from '../kernels/block-ends.ts'
import type { Kernels } from '../kernels/kernels.ts'
import type { DistinctValues } from '../kernels/palette-kernels.ts'
import type { PruneThreshold } from '../kernels/prune.ts'
import type { AffineScheme, PaletteScheme } from '../scheme/scheme.ts'
import { keptSlabValues, slabShape } from './survey-slab.ts'
import type { SlabInput } from './survey-slab.ts'

/** Some rows of a weight whose scales or steps all rows choose together. */
type ScalesInput<Values> = SlabInput & {
  /** Which values are not stored, where the whole weight decided. */
  readonly threshold: PruneThreshold | null
  readonly scheme: Values
}

/** Input of the pool job `slab-ends`. */
export type SlabEndsInput = ScalesInput<AffineScheme>

/** Input of the pool job `largest-entry`. */
export type LargestEntryInput = ScalesInput<PaletteScheme> & {
  readonly rule: PaletteRule
  readonly dtype: TableSpec['dtype']
}

/** Input of the pool job `fill-codes`. */
export type FillCodesInput = { readonly values: DistinctValues; readonly spec: TableSpec }

/** Input of the pool job `choose-scale`. */
export type ChooseScaleInput = Pick<WeightSpec, 'algorithm' | 'decodeDtype'> & {
  readonly values: DistinctValues
  readonly scheme: AffineScheme
}

/** The one table of a weight as codes. */
export type TableCodes = { readonly codes: Int8Array; readonly step: number }

/** Pool job: the ends of all blocks of a weight among some of its rows. */
export function slabEnds(kernels: Kernels, input: SlabEndsInput): BlockEnds {
  const shape = slabShape(input)
  const block = affineBlock(input.scheme, { ...input, shape })
  return blockEnds(keptSlabValues(kernels, input), shape, block)
}

/** Pool job: the largest entry of the tables that some rows have to themselves. */
export function largestEntry(kernels: Kernels, input: LargestEntryInput): number {
  const { scheme, outputAxis, rule, dtype } = input
  const { bits, vectorSize } = scheme
  const shape = slabShape(input)
  const channels = tableChannels(scheme, { ...input, shape })
  const tables = { tableKind: 'int8', channelScale: false } as const
  const spec = { shape, outputAxis, bits, channels, vectorSize, rule, dtype, ...tables }
  return largestTableEntry(kernels, channelGroups(keptSlabValues(kernels, input), spec), spec)
}

/** Pool job: the one scale of a weight, from its distinct values. */
export function chooseScale(kernels: Kernels, input: ChooseScaleInput): OneScale {
  return countedScale(kernels, input.values, input.scheme, input)
}

/** Pool job: the int8 table of a whole weight; null when the rule needs more entries than it has. */
export function fillCodes(kernels: Kernels, { values, spec }: FillCodesInput): TableCodes | null {
  const table = paletteTable(kernels, values, spec)
  return table === null ? null : sharedTableCodes(kernels, values, table, spec)
}
