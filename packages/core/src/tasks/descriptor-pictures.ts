import { z } from 'zod'
import { ensure } from '../base/error.ts'
import type { Origin } from '../base/parse-with.ts'
import { parseWith } from '../base/parse-with.ts'
import { oneOf } from './descriptor-keys.ts'
import type { DetectionSettings } from './detection/detect-objects.ts'
import { HEADS } from './detection/heads.ts'
import type { DescribedPreprocess } from './preprocess-config.ts'
import { describedPreprocessSchema, preprocessFromDescriptor } from './preprocess-config.ts'
import type { PreprocessSpec } from './preprocess.ts'

/** ImageNet-21k has 21,843 classes. */
const MOST_LABELS = 1_000_000

/** Class names in the order of the model's outputs: as they are, or the file that lists them. */
export type LabelNames = string | readonly string[] | null

export type ClassificationDescriptor = {
  readonly kind: 'image-classification'
  /** A folder with one folder a class, or a text file of lines `path class-index`. */
  readonly pictures: { readonly folder: string } | { readonly list: string }
  readonly labels: LabelNames
  readonly preprocess: PreprocessSpec | null
  readonly output: string | null
}

export type DetectionDescriptor = {
  readonly kind: 'coco-detection'
  readonly annotations: string
  /** Folder of the pictures. */
  readonly images: string
  readonly labels: LabelNames
  readonly preprocess: PreprocessSpec | null
  readonly settings: DetectionSettings
  /** Whether the model's class is a place in the list of categories, or a category's id. */
  readonly classIds: 'index' | 'category-id' | null
}

const path = z.string().min(1)
const output = path.optional()
const fraction = z.number().min(0).max(1)

/** How a graph with one picture as its input is used. */
const seen = {
  preprocess: describedPreprocessSchema.optional(),
  labels: z
    .union([path, z.array(z.string()).min(1).max(MOST_LABELS)], {
      error: 'must be a path or a list of class names',
    })
    .optional(),
}

const classificationSchema = z.strictObject({
  kind: z.literal('image-classification'),
  images: path.optional(),
  list: path.optional(),
  ...seen,
  output,
})

const detectionSchema = z.strictObject({
  kind: z.literal('coco-detection'),
  annotations: path,
  images: path,
  ...seen,
  head: z.enum(HEADS).optional(),
  classIds: z.enum(['index', 'category-id']).optional(),
  confidence: fraction.optional(),
  iou: fraction.optional(),
  maxDetections: z.int().min(1).max(10_000).optional(),
  corners: z.enum(['xyxy', 'yxyx']).optional(),
  unit: z.enum(['pixels', 'fraction']).optional(),
})

export function parseClassification(value: unknown, origin: Origin): ClassificationDescriptor {
  const { images, list, labels, preprocess, output } = parseWith(
    classificationSchema,
    value,
    origin,
  )
  const advice =
    '"images", a folder with one folder a class, or "list", a file of lines "path class-index"'
  const pictures =
    images === undefined
      ? { list: oneOf(list, images, advice, origin) }
      : { folder: oneOf(images, list, advice, origin) }
  return {
    kind: 'image-classification',
    pictures,
    labels: labels ?? null,
    preprocess: specOf(preprocess, origin),
    output: output ?? null,
  }
}

export function parseDetection(value: unknown, origin: Origin): DetectionDescriptor {
  const parsed = parseWith(detectionSchema, value, origin)
  const { annotations, images, labels, preprocess, corners, unit } = parsed
  ensure(
    labels === undefined || parsed.classIds === undefined,
    'invalid-dataset',
    `${origin.file}: "labels" names the model's classes, so "classIds" must not be there.`,
    { file: origin.file, key: 'classIds' },
  )
  return {
    kind: 'coco-detection',
    annotations,
    images,
    labels: labels ?? null,
    preprocess: specOf(preprocess, origin),
    classIds: parsed.classIds ?? null,
    settings: {
      head: parsed.head ?? null,
      confidence: parsed.confidence ?? null,
      iou: parsed.iou ?? null,
      mostFound: parsed.maxDetections ?? null,
      ssd: { ...(corners !== undefined && { corners }), ...(unit !== undefined && { unit }) },
    },
  }
}

function specOf(
  preprocess: DescribedPreprocess | undefined,
  { file }: Origin,
): PreprocessSpec | null {
  return preprocess === undefined ? null : preprocessFromDescriptor(preprocess, file)
}
