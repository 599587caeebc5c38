import * as z from 'zod'

import { ensure } from '../base/error.ts'
import type { Hash } from '../base/host.ts'
import { parseWith } from '../base/parse-with.ts'

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
  readonly layers: Readonly<Record<string, LayerStatistics>>
}

const statisticsSchema: z.ZodType<Statistics> = z.strictObject({
  schema: z.literal('mixbit/statistics@1'),
  model: z.string(),
  data: z.string(),
  samples: z.number().int().min(1),
  layers: z.record(
    z.string(),
    z.strictObject({
      count: z.number().int().min(1),
      meanSquare: z.array(z.number().nonnegative()).min(1).max(1_000_000),
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
 * @param channels - input channels of each layer that may be calibrated
 * @throws `statistics-mismatch` when the file is of another model
 */
export function importanceOf(
  statistics: Statistics,
  channels: ReadonlyMap<string, number>,
): ReadonlyMap<string, Float32Array> {
  const importance = new Map<string, Float32Array>()
  for (const [layer, { meanSquare }] of Object.entries(statistics.layers)) {
    const expected = channels.get(layer)
    ensure(
      expected === meanSquare.length,
      'statistics-mismatch',
      expected === undefined
        ? `The statistics name "${layer}", which this model does not have. They are of "${statistics.model}"; calibrate this model.`
        : `The statistics have ${meanSquare.length} channels for "${layer}", the model has ${expected}. They are of "${statistics.model}"; calibrate this model.`,
      { layer },
    )
    importance.set(layer, Float32Array.from(meanSquare))
  }
  return importance
}

/** The hash that a plan records: of what the algorithms see, not of names. */
export function statisticsHash(statistics: Statistics, hash: Hash): string {
  hash.update(new TextEncoder().encode(JSON.stringify(statistics.layers)))
  return hash.hex()
}
