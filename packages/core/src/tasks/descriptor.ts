import { z } from 'zod'
import { MixbitError } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import { readJson } from '../base/json-file.ts'
import { preprocessFromDescriptor, describedPreprocessSchema } from './preprocess-config.ts'
import type { PreprocessSpec } from './preprocess.ts'
import { parseWith } from '../base/parse-with.ts'

/** Kinds of data set that this version reads. */
const READ_KINDS = ['vqav2', 'images'] as const

/** Kinds that are named by the file format, but not read yet. */
const PLANNED_KINDS: readonly string[] = [
  'image-classification',
  'coco-detection',
  'coco-qa',
  'textvqa',
  'gqa',
  'text',
  'tensors',
]

/** Longer names are cut in messages. */
const MOST_SHOWN = 60

/** More new tokens than this are no answer. */
const MOST_NEW_TOKENS = 4096

/** What a descriptor may say about how its samples are used. */
export type DatasetOptions = {
  /** Template of the user's message, with one `<image>` and one `{question}`. */
  readonly prompt?: string
  /** Added after the prompt. */
  readonly suffix?: string
  readonly maxNewTokens?: number
  readonly preprocess?: PreprocessSpec
}

/** A checked descriptor. Paths are as written, relative to the descriptor's folder. */
export type DatasetDescriptor =
  | {
      readonly kind: 'vqav2'
      readonly questions: string
      readonly annotations?: string
      readonly images: string
      readonly options: DatasetOptions
    }
  | {
      readonly kind: 'images'
      /** A folder, the paths themselves, or the text file that lists them. */
      readonly pictures:
        | { readonly folder: string }
        | { readonly paths: readonly string[] }
        | { readonly list: string }
      readonly options: DatasetOptions
    }

const path = z.string().min(1)
const prompt = z
  .string()
  .refine((text) => text.split('<image>').length === 2, { message: 'must have one <image>' })
  .refine((text) => text.split('{question}').length === 2, { message: 'must have one {question}' })

const shared = {
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
  ...shared,
})

const imagesSchema = z.strictObject({
  kind: z.literal('images'),
  images: path.optional(),
  list: z.union([path, z.array(path)], { error: 'must be a path or a list of paths' }).optional(),
  ...shared,
})

/** Reads and checks a dataset descriptor. */
export async function readDescriptor(
  host: Pick<Host, 'open'>,
  file: string,
): Promise<DatasetDescriptor> {
  return parseDescriptor(await readJson(host, file, 'invalid-dataset'), file)
}

/** Checks the parsed JSON of a descriptor. */
export function parseDescriptor(value: unknown, file: string): DatasetDescriptor {
  const origin = { code: 'invalid-dataset', file } as const
  switch (readKind(value, file)) {
    case 'vqav2': {
      const { questions, annotations, images, ...rest } = parseWith(vqav2Schema, value, origin)
      const options = toOptions(rest, file)
      const labels = annotations === undefined ? {} : { annotations }
      return { kind: 'vqav2', questions, ...labels, images, options }
    }
    case 'images': {
      const { images, list, ...rest } = parseWith(imagesSchema, value, origin)
      return {
        kind: 'images',
        pictures: toPictures(images, list, file),
        options: toOptions(rest, file),
      }
    }
  }
}

function readKind(value: unknown, file: string): (typeof READ_KINDS)[number] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const kind = isObject && 'kind' in value ? value.kind : undefined
  const known = READ_KINDS.find((each) => each === kind)
  if (known !== undefined) return known
  const isPlanned = typeof kind === 'string' && PLANNED_KINDS.includes(kind)
  throw new MixbitError(
    'invalid-dataset',
    isPlanned
      ? `${file}: data sets of kind "${kind}" are not supported yet. Supported: ${READ_KINDS.join(', ')}.`
      : `${file}: kind must be one of ${READ_KINDS.join(', ')}; found ${typeof kind === 'string' ? `"${kind.slice(0, MOST_SHOWN)}"` : 'none'}.`,
    { file, key: 'kind', supported: READ_KINDS },
  )
}

type SharedValues = {
  readonly prompt?: string | undefined
  readonly suffix?: string | undefined
  readonly maxNewTokens?: number | undefined
  readonly preprocess?: z.infer<typeof describedPreprocessSchema> | undefined
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

type Pictures = Extract<DatasetDescriptor, { kind: 'images' }>['pictures']

function toPictures(
  folder: string | undefined,
  list: string | readonly string[] | undefined,
  file: string,
): Pictures {
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
