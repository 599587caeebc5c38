import { z } from 'zod'
import { MixbitError } from '../base/error.ts'
import type { Origin } from '../base/parse-with.ts'
import { parseWith } from '../base/parse-with.ts'
import type { DescribedPreprocess } from './preprocess-config.ts'
import { describedPreprocessSchema, preprocessFromDescriptor } from './preprocess-config.ts'
import type { PreprocessSpec } from './preprocess.ts'

/** More new tokens than this are no answer. */
const MOST_NEW_TOKENS = 4096

/** What a descriptor may say about how its questions are asked. */
export type DatasetOptions = {
  /** Template of the user's message, with one `<image>` and one `{question}`. */
  readonly prompt?: string
  /** Added after the prompt. */
  readonly suffix?: string
  readonly maxNewTokens?: number
  readonly preprocess?: PreprocessSpec
}

/** Pictures without labels. */
export type ImagesDescriptor = {
  readonly kind: 'images'
  /** A folder, the paths themselves, or the text file that lists them. */
  readonly pictures:
    | { readonly folder: string }
    | { readonly paths: readonly string[] }
    | { readonly list: string }
  readonly options: DatasetOptions
}

/** Questions about pictures; `images` is a pattern with `{image_id}`. */
export type QuestionDescriptor = {
  readonly images: string
  readonly options: DatasetOptions
} & (
  | { readonly kind: 'vqav2'; readonly questions: string; readonly annotations?: string }
  | { readonly kind: 'textvqa' | 'gqa'; readonly questions: string }
  | {
      readonly kind: 'coco-qa'
      readonly questions: string
      readonly answers?: string
      readonly imageIds: string
      readonly types?: string
    }
)

const path = z.string().min(1)
const paths = z.union([path, z.array(path)], { error: 'must be a path or a list of paths' })
const prompt = z
  .string()
  .refine((text) => text.split('<image>').length === 2, { message: 'must have one <image>' })
  .refine((text) => text.split('{question}').length === 2, { message: 'must have one {question}' })

/** How questions about pictures are asked. */
const asked = {
  prompt: prompt.optional(),
  suffix: z
    .string()
    .refine((text) => !text.includes('<image>'), { message: 'must not have <image>' })
    .optional(),
  maxNewTokens: z.int().min(1).max(MOST_NEW_TOKENS).optional(),
  preprocess: describedPreprocessSchema.optional(),
}

const vqav2Schema = z.strictObject({
  kind: z.literal('vqav2'),
  questions: path,
  annotations: path.optional(),
  images: path,
  ...asked,
})

const imagesSchema = z.strictObject({
  kind: z.literal('images'),
  images: path.optional(),
  list: paths.optional(),
  ...asked,
})

const cocoQaSchema = z.strictObject({
  kind: z.literal('coco-qa'),
  questions: path,
  answers: path.optional(),
  imageIds: path,
  types: path.optional(),
  images: path,
  ...asked,
})

const oneFileSchema = z.strictObject({
  kind: z.enum(['textvqa', 'gqa']),
  questions: path,
  images: path,
  ...asked,
})

/** Checks the descriptor of pictures without labels. */
export function parseImages(value: unknown, origin: Origin): ImagesDescriptor {
  const { images, list, ...rest } = parseWith(imagesSchema, value, origin)
  const pictures = toPictures(images, list, origin.file)
  return { kind: 'images', pictures, options: toOptions(rest, origin.file) }
}

/** Checks the descriptor of questions about pictures. */
export function parseQuestions(
  kind: QuestionDescriptor['kind'],
  value: unknown,
  origin: Origin,
): QuestionDescriptor {
  switch (kind) {
    case 'vqav2': {
      const { questions, annotations, images, ...rest } = parseWith(vqav2Schema, value, origin)
      const labels = annotations === undefined ? {} : { annotations }
      return { kind, questions, ...labels, images, options: toOptions(rest, origin.file) }
    }
    case 'coco-qa': {
      const parsed = parseWith(cocoQaSchema, value, origin)
      const { questions, answers, imageIds, types, images, ...rest } = parsed
      return {
        kind,
        questions,
        ...(answers !== undefined && { answers }),
        imageIds,
        ...(types !== undefined && { types }),
        images,
        options: toOptions(rest, origin.file),
      }
    }
    case 'textvqa':
    case 'gqa': {
      const { questions, images, ...rest } = parseWith(oneFileSchema, value, origin)
      return { kind, questions, images, options: toOptions(rest, origin.file) }
    }
  }
}

type SharedValues = {
  readonly prompt?: string | undefined
  readonly suffix?: string | undefined
  readonly maxNewTokens?: number | undefined
  readonly preprocess?: DescribedPreprocess | undefined
}

function toOptions(values: SharedValues, file: string): DatasetOptions {
  const { prompt, suffix, maxNewTokens, preprocess } = values
  return {
    ...(prompt !== undefined && { prompt }),
    ...(suffix !== undefined && { suffix }),
    ...(maxNewTokens !== undefined && { maxNewTokens }),
    ...(preprocess !== undefined && { preprocess: preprocessFromDescriptor(preprocess, file) }),
  }
}

function toPictures(
  folder: string | undefined,
  list: string | readonly string[] | undefined,
  file: string,
): ImagesDescriptor['pictures'] {
  if (folder !== undefined && list === undefined) return { folder }
  if (folder === undefined && list !== undefined) {
    return typeof list === 'string' ? { list } : { paths: list }
  }
  throw new MixbitError(
    'invalid-dataset',
    `${file}: give either "images", a folder of pictures, or "list", their paths.`,
    { file, key: 'images' },
  )
}
