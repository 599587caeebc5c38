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

/** What transformers takes for the mean and std of ViT and the families after it. */
const HALF: PerChannel = [0.5, 0.5, 0.5]

/** What a processor does where its file is silent. */
type ProcessorDefaults = {
  /** The size, and what one number for it means. */
  readonly size: number | { readonly height: number; readonly width: number }
  readonly oneNumber: 'shortest-edge' | 'stretch'
  /** The crop; null where the processor has none. */
  readonly crop: number | null
  readonly resample: number
  readonly mean: PerChannel
  readonly std: PerChannel
}

const CLIP_DEFAULTS: ProcessorDefaults = {
  size: 224,
  oneNumber: 'shortest-edge',
  crop: 224,
  resample: 3,
  mean: CLIP_MEAN,
  std: CLIP_STD,
}
const VIT_DEFAULTS: ProcessorDefaults = {
  size: 224,
  oneNumber: 'stretch',
  crop: null,
  resample: 2,
  mean: HALF,
  std: HALF,
}
const MOBILENET_DEFAULTS: ProcessorDefaults = {
  ...VIT_DEFAULTS,
  size: 256,
  oneNumber: 'shortest-edge',
  crop: 224,
}
const CONVNEXT_DEFAULTS: ProcessorDefaults = {
  ...VIT_DEFAULTS,
  size: 384,
  oneNumber: 'shortest-edge',
}

/**
 * Processors whose steps are resize to the shortest edge or a size, crop, rescale, normalise, with
 * their defaults. ConvNeXT's crop comes from its size.
 *
 * @see https://github.com/huggingface/transformers/tree/v4.48.3/src/transformers/models,
 * `image_processing_<name>.py`
 */
const PROCESSORS: Readonly<Record<string, ProcessorDefaults>> = {
  CLIPImageProcessor: CLIP_DEFAULTS,
  CLIPImageProcessorFast: CLIP_DEFAULTS,
  CLIPFeatureExtractor: CLIP_DEFAULTS,
  BitImageProcessor: CLIP_DEFAULTS,
  ViTImageProcessor: VIT_DEFAULTS,
  ViTImageProcessorFast: VIT_DEFAULTS,
  ViTFeatureExtractor: VIT_DEFAULTS,
  SiglipImageProcessor: { ...VIT_DEFAULTS, resample: 3 },
  DeiTImageProcessor: { ...VIT_DEFAULTS, size: 256, crop: 224, resample: 3 },
  DeiTFeatureExtractor: { ...VIT_DEFAULTS, size: 256, crop: 224, resample: 3 },
  MobileNetV1ImageProcessor: MOBILENET_DEFAULTS,
  MobileNetV2ImageProcessor: MOBILENET_DEFAULTS,
  ConvNextImageProcessor: CONVNEXT_DEFAULTS,
  ConvNextFeatureExtractor: CONVNEXT_DEFAULTS,
}

/** From this size on ConvNeXT stretches and does not crop. */
const CONVNEXT_STRETCHES = 384

const edge = z.int().min(1).max(LARGEST_EDGE)
const threeNumbers = z.tuple([z.number(), z.number(), z.number()])
const edgeRange = `edges from 1 to ${LARGEST_EDGE}`
const threeDivisors = threeNumbers.refine((values) => values.every((value) => value !== 0), {
  message: 'no number may be 0, because pixels are divided by it',
})
const heightAndWidth = z.object({ height: edge, width: edge })
const optionalSwitch = z.boolean().nullish()

const processorSchema = z.object({
  image_processor_type: z.enum(Object.keys(PROCESSORS)).nullish(),
  feature_extractor_type: z.string().nullish(),
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
  crop_pct: z.number().positive().max(1).nullish(),
})

/**
 * Reads a model's `preprocessor_config.json`. What it leaves out is what its processor takes in
 * transformers, CLIPImageProcessor where it names none; keys that change nothing here are ignored.
 *
 * @param value - the parsed JSON
 * @param file - for messages
 */
export function preprocessFromProcessor(value: unknown, file: string): PreprocessSpec {
  const config = parseWith(processorSchema, value, { code: 'unsupported-model', file })
  const defaults = defaultsOf(config, file)
  const isNormalized = config.do_normalize ?? true
  return {
    layout: 'NCHW',
    colour: 'RGB',
    ...sizing(config, defaults),
    filter: FILTER_NUMBERS[config.resample ?? defaults.resample] ?? 'bicubic',
    scale: (config.do_rescale ?? true) ? (config.rescale_factor ?? 1 / 255) : 1,
    mean: isNormalized ? (config.image_mean ?? defaults.mean) : [0, 0, 0],
    std: isNormalized ? (config.image_std ?? defaults.std) : [1, 1, 1],
  }
}

type ProcessorConfig = z.infer<typeof processorSchema>
type Sizing = Pick<PreprocessSpec, 'resize' | 'crop'>

function defaultsOf(config: ProcessorConfig, file: string): ProcessorDefaults {
  const name = config.image_processor_type ?? config.feature_extractor_type ?? 'CLIPImageProcessor'
  const defaults = Object.hasOwn(PROCESSORS, name) ? PROCESSORS[name] : undefined
  ensure(
    defaults !== undefined,
    'unsupported-model',
    `${file}: the processor "${name}" is not known. Give "preprocess" in the dataset descriptor.`,
    { file, processor: name, supported: Object.keys(PROCESSORS) },
  )
  return defaults
}

function sizing(config: ProcessorConfig, defaults: ProcessorDefaults): Sizing {
  const isResized = config.do_resize ?? true
  const size = config.size ?? defaults.size
  if (defaults === CONVNEXT_DEFAULTS) return isResized ? convnextSizing(size, config) : NO_RESIZE
  const resize = isResized ? resizeStep(size, defaults) : NO_RESIZE.resize
  const crop = config.crop_size ?? defaults.crop ?? 224
  const isCropped = config.do_center_crop ?? defaults.crop !== null
  return { resize, ...(isCropped && { crop: cropSize(crop) }) }
}

const NO_RESIZE: Sizing = { resize: { kind: 'none' } }

/** Below 384: the shortest edge to size / crop_pct and then a crop of the size. */
function convnextSizing(size: ProcessorSize, { crop_pct }: ProcessorConfig): Sizing {
  const edge = shortestEdge(size)
  if (edge >= CONVNEXT_STRETCHES) return { resize: { kind: 'stretch', height: edge, width: edge } }
  const pixels = Math.trunc(edge / (crop_pct ?? 224 / 256))
  return { resize: { kind: 'shortest-edge', pixels }, crop: { height: edge, width: edge } }
}

function shortestEdge(size: ProcessorSize): number {
  if (typeof size === 'number') return size
  return 'shortest_edge' in size ? size.shortest_edge : size.height
}

type ProcessorSize = NonNullable<ProcessorConfig['size']>

function resizeStep(size: ProcessorSize, { oneNumber }: ProcessorDefaults): ResizeStep {
  if (typeof size === 'number') {
    if (oneNumber === 'stretch') return { kind: 'stretch', height: size, width: size }
    return { kind: 'shortest-edge', pixels: size }
  }
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
  /**
   * Pixels of the shortest edge before the crop, or how YOLO pads: in the `letterbox` the picture
   * lies in the middle, in the `letterbox-corner` (YOLOX) at the top left. Without it and `crop`
   * pictures are stretched.
   */
  readonly resize?: number | 'letterbox' | 'letterbox-corner' | undefined
  readonly crop?: 'center' | undefined
  readonly colour?: 'RGB' | 'BGR' | 'grey' | undefined
  readonly scale?: number | undefined
  readonly mean?: number | PerChannel | undefined
  readonly std?: number | PerChannel | undefined
}

export const describedPreprocessSchema: z.ZodType<DescribedPreprocess> = z.strictObject({
  layout: z.enum(['NCHW', 'NHWC']).optional(),
  size: z.tuple([edge, edge]),
  resize: z
    .union([edge, z.enum(['letterbox', 'letterbox-corner'])], {
      error: `must be a number from 1 to ${LARGEST_EDGE}, "letterbox" or "letterbox-corner"`,
    })
    .optional(),
  crop: z.enum(['center']).optional(),
  colour: z.enum(['RGB', 'BGR', 'grey']).optional(),
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
  const isNumber = typeof described.resize === 'number'
  ensure(
    isCropped || !isNumber,
    'invalid-dataset',
    `${file}: preprocess.resize scales the shortest edge, so preprocess.crop must be "center".`,
    { file, key: 'preprocess.crop' },
  )
  ensure(
    !isCropped || isNumber || described.resize === undefined,
    'invalid-dataset',
    `${file}: a letterbox has the size already, so preprocess.crop must not be there.`,
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
    // YOLO scales linearly; all else is bicubic, as CLIP has it.
    filter: isNumber || described.resize === undefined ? 'bicubic' : 'bilinear',
    scale: described.scale ?? 1 / 255,
    mean: perChannel(described.mean ?? 0),
    std,
  }
}

function describedResize({ size, resize, crop }: DescribedPreprocess): ResizeStep {
  if (typeof resize === 'number') return { kind: 'shortest-edge', pixels: resize }
  if (resize !== undefined) {
    const place = resize === 'letterbox' ? 'center' : 'corner'
    return { kind: 'letterbox', height: size[0], width: size[1], place }
  }
  if (crop === 'center') return { kind: 'none' }
  return { kind: 'stretch', height: size[0], width: size[1] }
}

function perChannel(value: number | PerChannel): PerChannel {
  return typeof value === 'number' ? [value, value, value] : value
}
