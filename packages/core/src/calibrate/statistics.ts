import * as z from 'zod'

import type { WeightFacts } from '../audit/audit-types.ts'
import { ensure } from '../base/error.ts'
import type { Hash } from '../base/host.ts'
import { parseWith } from '../base/parse-with.ts'
import type { Sampling } from '../config/settings.ts'
import { SAMPLINGS } from '../config/settings.ts'

/** What calibration measured for one layer: the input of its operator, by input channel. */
export type LayerStatistics = {
  /** Values seen a channel. */
  readonly count: number
  /** Mean of x^2 a channel: what a rounding error of the weight is multiplied by, on average. */
  readonly meanSquare: readonly number[]
}

/** The file that `mixbit calibrate` writes, and that `--calibration` takes. */
export type Statistics = {
  readonly schema: 'mixbit/statistics@1'
  readonly model: string
  readonly data: string
  readonly samples: number
  /** How the samples were chosen from the data set; absent in older files: spread. */
  readonly sampling?: Sampling
  readonly layers: Readonly<Record<string, LayerStatistics>>
}

/** Largest finite float32. IEEE 754-2008, binary32. */
const MAX_FLOAT = 3.4028234663852886e38

/** Kernels take importances of 0 or in this range, so that products with errors stay in float32. */
const SMALLEST_IMPORTANCE = 2 ** -100
const LARGEST_IMPORTANCE = 2 ** 100

const statisticsSchema: z.ZodType<Statistics> = z.strictObject({
  schema: z.literal('mixbit/statistics@1'),
  model: z.string(),
  data: z.string(),
  samples: z.number().int().min(1),
  sampling: z.enum(SAMPLINGS).exactOptional(),
  layers: z.record(
    z.string(),
    z.strictObject({
      count: z.number().int().min(1),
      meanSquare: z.array(z.number().nonnegative().max(MAX_FLOAT)).min(1).max(1_000_000),
    }),
  ),
})

/** Reads a parsed statistics file. Throws `unsupported-version` or `statistics-mismatch`. */
export function readStatistics(value: unknown, name: string): Statistics {
  const version = z.object({ schema: z.string() }).safeParse(value)
  ensure(
    !version.success || version.data.schema === 'mixbit/statistics@1',
    'unsupported-version',
    `"${name}" has another schema than mixbit/statistics@1. Calibrate again with \`mixbit calibrate\`.`,
    { file: name },
  )
  return parseWith(statisticsSchema, value, { code: 'statistics-mismatch', file: name })
}

/**
 * The importance of each input channel by layer, as kernels take it.
 *
 * @param weights - every layer of the model
 * @throws `statistics-mismatch` when the file is of another model
 */
export function importanceOf(
  statistics: Statistics,
  weights: readonly WeightFacts[],
): ReadonlyMap<string, Float32Array> {
  const facts = new Map(weights.map((weight) => [weight.layer, weight]))
  const importance = new Map<string, Float32Array>()
  for (const [layer, { meanSquare }] of Object.entries(statistics.layers)) {
    requireChannels(statistics, layer, meanSquare.length, facts.get(layer))
    importance.set(layer, Float32Array.from(meanSquare, inKernelRange))
  }
  // Every sample runs every linear layer, so one that is missing is of a larger model.
  const missing = weights.find(({ role, layer }) => role === 'linear' && !importance.has(layer))
  ensure(
    missing === undefined,
    'statistics-mismatch',
    `The statistics lack "${missing?.layer ?? ''}". ${remedy(statistics)}`,
    { layer: missing?.layer ?? '' },
  )
  return importance
}

function requireChannels(
  statistics: Statistics,
  layer: string,
  found: number,
  facts: WeightFacts | undefined,
): void {
  const expected =
    facts === undefined || facts.inputAxis === null ? undefined : facts.shape[facts.inputAxis]
  ensure(
    expected === found,
    'statistics-mismatch',
    expected === undefined
      ? `The statistics name "${layer}", which this model does not quantize. ${remedy(statistics)}`
      : `The statistics have ${found} channels for "${layer}", the model has ${expected}. ${remedy(statistics)}`,
    { layer, found, expected: expected ?? null },
  )
}

function remedy({ model }: Statistics): string {
  return `They are of "${model}"; calibrate this model with \`mixbit calibrate\`.`
}

function inKernelRange(meanSquare: number): number {
  return meanSquare < SMALLEST_IMPORTANCE ? 0 : Math.min(meanSquare, LARGEST_IMPORTANCE)
}

/** The hash that a plan records: of what the algorithms see, not of names. */
export function statisticsHash(statistics: Statistics, hash: Hash): string {
  hash.update(new TextEncoder().encode(JSON.stringify(statistics.layers)))
  return hash.hex()
}
