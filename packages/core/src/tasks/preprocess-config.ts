import { z } from 'zod'
import { ensure } from '../base/error.ts'
import type { PerChannel, PreprocessSpec, ResizeStep } from './preprocess.ts'
import type { ResizeFilter } from './resize-filter.ts'
import { parseWith } from '../base/parse-with.ts'

/** Largest edge of a model's input: 4,096 x 4,096 x 3 in float32 is 201 MB. */
const LARGEST_EDGE = 4096

/** Pillow's numbers of its filters, as `resample` gives them. */
const FILTER_NUMBERS: readonly ResizeFilter[] = [
  'nearest',
  'lanczos',
  'bilinear',
  'bicubic',
  'box',
  'hamming',
]

/** What transformers takes for the mean and std that a file does not give. */
const CLIP_MEAN: PerChannel = [0.48145466, 0.4578275, 0.40821073]
const CLIP_STD: PerChannel = [0.26862954, 0.26130258, 0.27577711]

/** Processors whose steps are resize to the shortest edge or a size, crop, rescale, normalise. */
const PROCESSORS = [
  'CLIPImageProcessor',
  'CLIPImageProcessorFast',
  'CLIPFeatureExtractor',
  'ViTImageProcessor',
  'ViTFeatureExtractor',
] as const

const edge = z.int().min(1).max(LARGEST_EDGE)
const threeNumbers = z.tuple([z.number(), z.number(), z.number()])
const edgeRange = `edges from 1 to ${LARGEST_EDGE}`
const threeDivisors = threeNumbers.refine((values) => values.every((value) => value !== 0), {
  message: 'no number may be 0, because pixels are divided by it',
})
const heightAndWidth = z.object({ height: edge, width: edge })
const optionalSwitch = z.boolean().nullish()

const processorSchema = z.object({
  image_processor_type: z.enum(PROCESSORS).nullish(),
  do_resize: optionalSwitch,
  size: z
    .union([edge, z.object({ shortest_edge: edge }), heightAndWidth], {
      error: `must be a number, {"shortest_edge"} or {"height", "width"}, ${edgeRange}`,
    })
    .nullish(),
  resample: z.int().min(0).max(5).nullish(),
  do_center_crop: optionalSwitch,
  crop_size: z
    .union([edge, heightAndWidth], {
      error: `must be a number or {"height", "width"}, ${edgeRange}`,
    })
    .nullish(),
  do_rescale: optionalSwitch,
  rescale_factor: z.number().positive().nullish(),
  do_normalize: optionalSwitch,
  image_mean: threeNumbers.nullish(),
  image_std: threeDivisors.nullish(),
  do_pad: z.literal(false).nullish(),
})

/**
 * Reads a model's `preprocessor_config.json`. What it leaves out is what transformers'
 * CLIPImageProcessor takes; keys that change nothing here are ignored.
 *
 * @param value - the parsed JSON
 * @param file - for messages
 */
export function preprocessFromProcessor(value: unknown, file: string): PreprocessSpec {
  const config = parseWith(processorSchema, value, { code: 'unsupported-model', file })
  const crop = config.crop_size ?? 224
  const isNormalized = config.do_normalize ?? true
  return {
    layout: 'NCHW',
    colour: 'RGB',
    resize: (config.do_resize ?? true) ? resizeStep(config.size ?? 224) : { kind: 'none' },
    ...((config.do_center_crop ?? true) && { crop: cropSize(crop) }),
    filter: FILTER_NUMBERS[config.resample ?? 3] ?? 'bicubic',
    scale: (config.do_rescale ?? true) ? (config.rescale_factor ?? 1 / 255) : 1,
    mean: isNormalized ? (config.image_mean ?? CLIP_MEAN) : [0, 0, 0],
    std: isNormalized ? (config.image_std ?? CLIP_STD) : [1, 1, 1],
  }
}

type ProcessorSize = NonNullable<z.infer<typeof processorSchema>['size']>

function resizeStep(size: ProcessorSize): ResizeStep {
  if (typeof size === 'number') return { kind: 'shortest-edge', pixels: size }
  if ('shortest_edge' in size) return { kind: 'shortest-edge', pixels: size.shortest_edge }
  return { kind: 'stretch', height: size.height, width: size.width }
}

function cropSize(size: number | { height: number; width: number }): {
  readonly height: number
  readonly width: number
} {
  return typeof size === 'number' ? { height: size, width: size } : size
}

const oneOrThree = z.union([z.number(), threeNumbers], {
  error: 'must be a number or a list of three numbers',
})

/** The key `preprocess` of a dataset descriptor. */
export type DescribedPreprocess = {
  readonly layout?: 'NCHW' | 'NHWC' | undefined
  /** Height and width of the input. */
  readonly size: readonly [number, number]
  /** Pixels of the shortest edge before the crop; without it and `crop` pictures are stretched. */
  readonly resize?: number | undefined
  readonly crop?: 'center' | undefined
  readonly colour?: 'RGB' | 'BGR' | undefined
  readonly scale?: number | undefined
  readonly mean?: number | PerChannel | undefined
  readonly std?: number | PerChannel | undefined
}

export const describedPreprocessSchema: z.ZodType<DescribedPreprocess> = z.strictObject({
  layout: z.enum(['NCHW', 'NHWC']).optional(),
  size: z.tuple([edge, edge]),
  resize: edge.optional(),
  crop: z.enum(['center']).optional(),
  colour: z.enum(['RGB', 'BGR']).optional(),
  scale: z.number().positive().optional(),
  mean: oneOrThree.optional(),
  std: oneOrThree.optional(),
})

/**
 * The steps that a descriptor's `preprocess` asks for, by default NCHW, RGB, scale 1/255, mean 0,
 * std 1 and the bicubic filter.
 */
export function preprocessFromDescriptor(
  described: DescribedPreprocess,
  file: string,
): PreprocessSpec {
  const [height, width] = described.size
  const isCropped = described.crop === 'center'
  ensure(
    isCropped || described.resize === undefined,
    'invalid-dataset',
    `${file}: preprocess.resize scales the shortest edge, so preprocess.crop must be "center".`,
    { file, key: 'preprocess.crop' },
  )
  const std = perChannel(described.std ?? 1)
  ensure(
    std.every((value) => value !== 0),
    'invalid-dataset',
    `${file}: preprocess.std must not be 0, because pixels are divided by it.`,
    { file, key: 'preprocess.std' },
  )
  return {
    layout: described.layout ?? 'NCHW',
    colour: described.colour ?? 'RGB',
    resize: describedResize(described),
    ...(isCropped && { crop: { height, width } }),
    filter: 'bicubic',
    scale: described.scale ?? 1 / 255,
    mean: perChannel(described.mean ?? 0),
    std,
  }
}

function describedResize({ size, resize, crop }: DescribedPreprocess): ResizeStep {
  if (resize !== undefined) return { kind: 'shortest-edge', pixels: resize }
  if (crop === 'center') return { kind: 'none' }
  return { kind: 'stretch', height: size[0], width: size[1] }
}

function perChannel(value: number | PerChannel): PerChannel {
  return typeof value === 'number' ? [value, value, value] : value
}
