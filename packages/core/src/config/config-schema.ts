import { z } from 'zod'
import { MixbitError } from '../base/error.ts'
import { PRECISION_PATTERN, parsePrecision } from '../scheme/precision.ts'
import { COMPUTE_UNITS } from '../targets/coreml-devices.ts'
import {
  ALGORITHMS,
  NUMERICS,
  PALETTE_RULES,
  PRESET_NAMES,
  SAMPLINGS,
  TARGETS,
} from './settings.ts'
import type { Settings } from './settings.ts'
import { SIZE_PATTERN, parseSize } from './size.ts'

/** What a config file holds, as it is written. */
export type ConfigFile = Omit<Settings, 'layers' | 'budget'> & {
  readonly $schema?: string
  readonly layers?: Readonly<Record<string, string>>
  readonly budget?: { readonly size?: number | string }
}

const EXAMPLE_PRECISIONS = ['int4', 'int8', 'fp16', 'int4/64', 'int8/channel/asym']

const precision = z
  .string()
  .superRefine(reject(parsePrecision))
  .meta({ pattern: PRECISION_PATTERN, examples: EXAMPLE_PRECISIONS })

const path = z.string().min(1)

const sampleCount = z.int().min(1).max(1_000_000_000)

const fraction = z.number().min(0).max(1)

const size = z
  .union([
    z.int().positive(),
    z.string().superRefine(reject(parseSize)).meta({ pattern: SIZE_PATTERN }),
  ])
  .meta({ examples: ['412MB', '400MiB', 412_000_000] })

const evaluation = z.strictObject({
  data: path.describe('Path of a dataset descriptor, relative to this file.'),
  limit: sampleCount
    .exactOptional()
    .describe('Evaluate only the first this many samples, in file order.'),
  maxDrop: fraction
    .exactOptional()
    .describe('The largest accepted loss of accuracy, as a fraction: 0.03 is three points.'),
  minRetained: fraction
    .exactOptional()
    .describe("The smallest accepted share of the float model's accuracy, as a fraction."),
})

const schema = z
  .strictObject({
    $schema: z.string().exactOptional().describe('Address of this schema, for editors.'),
    model: path.exactOptional().describe('Path of the model, relative to this file.'),
    target: z.enum(TARGETS).exactOptional().describe('What the packages are written for.'),
    preset: z
      .enum(PRESET_NAMES)
      .exactOptional()
      .describe('A starting point: precisions, calibration samples and the accepted loss.'),
    precision: precision
      .exactOptional()
      .describe('Precision of every weight. Literal: default protection does not change it.'),
    components: z
      .record(z.string(), precision)
      .exactOptional()
      .describe('Precision of each component, by name.'),
    layers: z
      .record(z.string().min(1), precision)
      .exactOptional()
      .describe(
        'Precision by layer name. `*` stands for any letters, dots included; the last pattern ' +
          'that matches wins; one that matches nothing is an error.',
      ),
    algorithm: z
      .enum([...ALGORITHMS, ...PALETTE_RULES])
      .exactOptional()
      .describe(
        'How values are rounded (to nearest, or with the clip of least squared error), or how tables ' +
          'of palettes are filled.',
      ),
    computeUnit: z
      .enum(COMPUTE_UNITS)
      .exactOptional()
      .describe(
        'What a Core ML package will run on: Neural Engine (ane), GPU or CPU. Chooses forms.',
      ),
    protect: z
      .boolean()
      .exactOptional()
      .describe('Keep stem, last and small weights one step more precise. Default: true.'),
    seed: z
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .exactOptional()
      .describe('Seed of every random choice.'),
    numerics: z
      .enum(NUMERICS)
      .exactOptional()
      .describe(
        'Evaluate with the decoded weights (faithful), or as the runtime does on a device.',
      ),
    calibration: z
      .strictObject({
        data: path
          .exactOptional()
          .describe('Dataset descriptor, folder of pictures, or what `mixbit calibrate` wrote.'),
        samples: sampleCount.exactOptional().describe('How many samples.'),
        sampling: z
          .enum(SAMPLINGS)
          .exactOptional()
          .describe('Samples spread evenly over file order, or a varied (diverse) choice.'),
      })
      .exactOptional()
      .describe('What activations are measured on.'),
    evaluation: z
      .array(evaluation)
      .max(100)
      .exactOptional()
      .describe('Sets that accuracy is measured on; each has its own gates.'),
    budget: z
      .strictObject({
        size: size.exactOptional().describe('The most that the written model files may take.'),
      })
      .exactOptional()
      .describe('What the result may cost.'),
  })
  .meta({
    title: 'Mixbit config',
    description: 'Settings of `mixbit run` and its steps. The command line overrides them.',
  })

/** The schema of a config file; strict at every level. */
export const configSchema: z.ZodType<ConfigFile> = schema

/** A check that fails with the message of what `parse` throws. */
function reject(
  parse: (text: string) => unknown,
): (text: string, context: z.RefinementCtx) => void {
  return (text, context) => {
    try {
      parse(text)
    } catch (error) {
      if (!(error instanceof MixbitError)) throw error
      context.addIssue({ code: 'custom', message: error.message })
    }
  }
}
