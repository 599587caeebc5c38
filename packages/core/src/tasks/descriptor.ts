import { MixbitError } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import { isJsonObject, readJson } from '../base/json-file.ts'
import type { ClassificationDescriptor, DetectionDescriptor } from './descriptor-pictures.ts'
import { parseClassification, parseDetection } from './descriptor-pictures.ts'
import type { ImagesDescriptor, QuestionDescriptor } from './descriptor-questions.ts'
import { parseImages, parseQuestions } from './descriptor-questions.ts'
import type { StsDescriptor, TensorsDescriptor, TextDescriptor } from './descriptor-texts.ts'
import { parseSts, parseTensors, parseText } from './descriptor-texts.ts'

/** Kinds of data set. */
export const DATASET_KINDS = [
  'vqav2',
  'images',
  'coco-qa',
  'textvqa',
  'gqa',
  'image-classification',
  'coco-detection',
  'text',
  'sts',
  'tensors',
] as const

type DatasetKind = (typeof DATASET_KINDS)[number]

/** Longer names are cut in messages. */
const MOST_SHOWN = 60

/** Data sets for a graph that does a task by itself. */
export type TaskDescriptor =
  | ClassificationDescriptor
  | DetectionDescriptor
  | TextDescriptor
  | StsDescriptor
  | TensorsDescriptor

/** A checked descriptor. Paths are as written, relative to the descriptor's folder. */
export type DatasetDescriptor = QuestionDescriptor | ImagesDescriptor | TaskDescriptor

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
  const kind = readKind(value, file)
  switch (kind) {
    case 'vqav2':
    case 'coco-qa':
    case 'textvqa':
    case 'gqa':
      return parseQuestions(kind, value, origin)
    case 'images':
      return parseImages(value, origin)
    case 'image-classification':
      return parseClassification(value, origin)
    case 'coco-detection':
      return parseDetection(value, origin)
    case 'text':
      return parseText(value, origin)
    case 'sts':
      return parseSts(value, origin)
    case 'tensors':
      return parseTensors(value, origin)
  }
}

function readKind(value: unknown, file: string): DatasetKind {
  const kind = isJsonObject(value) ? value['kind'] : undefined
  const known = DATASET_KINDS.find((each) => each === kind)
  if (known !== undefined) return known
  throw new MixbitError(
    'invalid-dataset',
    `${file}: kind must be one of ${DATASET_KINDS.join(', ')}; ` +
      `found ${typeof kind === 'string' ? `"${kind.slice(0, MOST_SHOWN)}"` : 'none'}.`,
    { file, key: 'kind', supported: DATASET_KINDS },
  )
}
