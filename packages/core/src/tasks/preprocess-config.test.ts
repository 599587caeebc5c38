import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MixbitError } from '../base/error.ts'
import {
  describedPreprocessSchema,
  preprocessFromDescriptor,
  preprocessFromProcessor,
} from './preprocess-config.ts'
import { parseWith } from '../base/parse-with.ts'

test('the processor file of FastVLM is understood', () => {
  const file = {
    image_processor_type: 'CLIPImageProcessor',
    processor_class: 'LlavaProcessor',
    do_resize: true,
    size: { shortest_edge: 1024 },
    do_center_crop: true,
    crop_size: { height: 1024, width: 1024 },
    do_rescale: true,
    rescale_factor: 0.00392156862745098,
    do_normalize: true,
    image_mean: [0, 0, 0],
    image_std: [1, 1, 1],
    do_convert_rgb: true,
    resample: 3,
  }
  expect(preprocessFromProcessor(file, 'preprocessor_config.json')).toEqual({
    layout: 'NCHW',
    colour: 'RGB',
    resize: { kind: 'shortest-edge', pixels: 1024 },
    crop: { height: 1024, width: 1024 },
    filter: 'bicubic',
    scale: 0.00392156862745098,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  })
})

test('what a processor file leaves out is what CLIPImageProcessor takes', () => {
  expect(preprocessFromProcessor({}, 'p')).toEqual({
    layout: 'NCHW',
    colour: 'RGB',
    resize: { kind: 'shortest-edge', pixels: 224 },
    crop: { height: 224, width: 224 },
    filter: 'bicubic',
    scale: 1 / 255,
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  })
})

test('steps that are switched off do nothing', () => {
  const off = { do_resize: false, do_center_crop: false, do_rescale: false, do_normalize: false }
  expect(preprocessFromProcessor(off, 'p')).toEqual({
    layout: 'NCHW',
    colour: 'RGB',
    resize: { kind: 'none' },
    filter: 'bicubic',
    scale: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  })
})

test('a height and width stretch, and resample chooses the filter', () => {
  const spec = preprocessFromProcessor({ size: { height: 2, width: 3 }, resample: 1 }, 'p')
  expect(spec.resize).toEqual({ kind: 'stretch', height: 2, width: 3 })
  expect(spec.filter).toBe('lanczos')
})

test.for([
  {
    name: 'an absurd size',
    file: { size: { shortest_edge: 1e9 } },
    says: 'size.shortest_edge must be at most 4096',
  },
  { name: 'a size of 0', file: { crop_size: 0 }, says: 'crop_size must be at least 1' },
  { name: 'a size that is text', file: { size: 'big' }, says: 'edges from 1 to 4096' },
  { name: 'an unknown filter', file: { resample: 6 }, says: 'resample must be at most 5' },
  { name: 'a std of 0', file: { image_std: [1, 0, 1] }, says: 'no number may be 0' },
  { name: 'padding', file: { do_pad: true }, says: 'do_pad must be false' },
  { name: 'another processor', file: { image_processor_type: 'Pix2Struct' }, says: 'CLIPImage' },
  { name: 'no object', file: [], says: 'the file must be an object' },
])('a processor file with $name is refused', ({ file, says }) => {
  expect(() => preprocessFromProcessor(file, 'x/p.json')).toThrow(
    expect.objectContaining({ code: 'unsupported-model', message: expect.stringContaining(says) }),
  )
})

test.for([
  { name: 'size alone stretches', given: {}, resize: { kind: 'stretch', height: 4, width: 6 } },
  { name: 'a crop alone only cuts', given: { crop: 'center' }, resize: { kind: 'none' } },
  {
    name: 'resize and crop',
    given: { crop: 'center', resize: 8 },
    resize: { kind: 'shortest-edge', pixels: 8 },
  },
] as const)('preprocess of a descriptor: $name', ({ given, resize }) => {
  const spec = preprocessFromDescriptor({ size: [4, 6], mean: 0.5, std: [1, 2, 3], ...given }, 'd')
  expect(spec).toMatchObject({ resize, scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [1, 2, 3] })
  expect('crop' in spec).toBe('crop' in given)
})

test('a descriptor may not resize the shortest edge without a crop, nor divide by 0', () => {
  const refused = expect.objectContaining({ code: 'invalid-dataset' })
  expect(() => preprocessFromDescriptor({ size: [4, 6], resize: 8 }, 'd')).toThrow(refused)
  expect(() => preprocessFromDescriptor({ size: [4, 6], std: [1, 0, 1] }, 'd')).toThrow(refused)
})

test('errors of nested keys name the key and what is allowed', () => {
  const parse = (value: unknown) => () =>
    parseWith(describedPreprocessSchema, value, { code: 'invalid-dataset', file: 'd.json' })
  expect(parse({ size: [1, 1], layout: 'CHW' })).toThrow(
    'd.json: layout must be "NCHW" or "NHWC"; found "CHW".',
  )
  expect(parse({ size: [1, 1], gamma: 2 })).toThrow(
    'd.json: gamma: unknown key. Allowed here: layout, size, resize, crop, colour, scale, mean, std.',
  )
})

test('any JSON gives steps or a coded error', () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.integer(),
    fc.boolean(),
    fc.constant({ shortest_edge: 3 }),
  )
  const keys = fc.constantFrom('size', 'crop_size', 'resample', 'image_mean', 'do_resize', 'do_pad')
  const outcome = (file: unknown): string => {
    try {
      return preprocessFromProcessor(file, 'p').layout
    } catch (error) {
      return error instanceof MixbitError ? 'refused' : String(error)
    }
  }
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(keys, value)), (file) => {
      expect(['NCHW', 'refused']).toContain(outcome(file))
    }),
  )
})

// By hand from the classes' __init__ in transformers 4.48.3.
test.for([
  {
    config: { image_processor_type: 'ViTImageProcessor' },
    spec: {
      resize: { kind: 'stretch', height: 224, width: 224 },
      filter: 'bilinear',
      mean: [0.5, 0.5, 0.5],
    },
    crop: undefined,
  },
  {
    config: { image_processor_type: 'ViTFeatureExtractor', size: 384 },
    spec: { resize: { kind: 'stretch', height: 384, width: 384 } },
    crop: undefined,
  },
  {
    config: { image_processor_type: 'MobileNetV1ImageProcessor' },
    spec: { resize: { kind: 'shortest-edge', pixels: 256 }, std: [0.5, 0.5, 0.5] },
    crop: { height: 224, width: 224 },
  },
  {
    config: { image_processor_type: 'DeiTImageProcessor', do_center_crop: false },
    spec: { resize: { kind: 'stretch', height: 256, width: 256 }, filter: 'bicubic' },
    crop: undefined,
  },
  {
    config: { feature_extractor_type: 'ConvNextFeatureExtractor', size: 224, crop_pct: 0.875 },
    spec: { resize: { kind: 'shortest-edge', pixels: 256 } },
    crop: { height: 224, width: 224 },
  },
  {
    config: { image_processor_type: 'ConvNextImageProcessor', size: { shortest_edge: 384 } },
    spec: { resize: { kind: 'stretch', height: 384, width: 384 } },
    crop: undefined,
  },
  {
    config: { size: 100 },
    spec: { resize: { kind: 'shortest-edge', pixels: 100 }, filter: 'bicubic' },
    crop: { height: 224, width: 224 },
  },
])('the processor of $config', ({ config, spec, crop }) => {
  const read = preprocessFromProcessor(config, 'p.json')
  expect(read).toMatchObject(spec)
  expect(read.crop).toEqual(crop)
})

test.for([
  { image_processor_type: 'EfficientNetImageProcessor' },
  { feature_extractor_type: 'DonutFeatureExtractor' },
  { feature_extractor_type: 'constructor' },
])('a processor that does other things is refused: %o', (config) => {
  expect(() => preprocessFromProcessor(config, 'p.json')).toThrow(
    expect.objectContaining({ code: 'unsupported-model' }),
  )
})

test.for([
  { resize: 'letterbox' as const, place: 'center' },
  { resize: 'letterbox-corner' as const, place: 'corner' },
])('a descriptor may ask for a $resize', ({ resize, place }) => {
  expect(preprocessFromDescriptor({ size: [32, 64], resize }, 'd.json')).toMatchObject({
    resize: { kind: 'letterbox', height: 32, width: 64, place },
    filter: 'bilinear',
  })
})
