import { ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { readJson } from '../../base/json-file.ts'
import type { DetectionDescriptor } from '../descriptor-pictures.ts'
import type { DescriptorPlace } from '../label-names.ts'
import { readLabels } from '../label-names.ts'
import type { PictureFile } from '../pictures.ts'
import type { PreprocessSpec } from '../preprocess.ts'
import type { DetectionSettings } from './detect-objects.ts'
import type { CocoCategory, CocoObject } from './read-coco.ts'
import { readCoco } from './read-coco.ts'

export type DetectionSample = {
  readonly picture: PictureFile
  /** The picture's number in the COCO file. */
  readonly id: number
  readonly objects: readonly CocoObject[]
}

/** Pictures with the objects that are in them. */
export type DetectionDataset = {
  readonly kind: 'coco-detection'
  readonly samples: readonly DetectionSample[]
  /** In order of their ids. */
  readonly categories: readonly CocoCategory[]
  /** Names of the model's classes in the order of its outputs, where they are given. */
  readonly labels: readonly string[] | null
  readonly classIds: 'index' | 'category-id' | null
  readonly preprocess: PreprocessSpec | null
  readonly settings: DetectionSettings
}

/** Reads a COCO file and where its pictures lie. */
export async function loadDetection(
  host: Host,
  descriptor: DetectionDescriptor,
  place: DescriptorPlace,
): Promise<DetectionDataset> {
  const { annotations, images, classIds, preprocess, settings } = descriptor
  const file = host.within(place.folder, annotations)
  const coco = readCoco(await readJson(host, file, 'invalid-dataset'), file)
  ensure(
    coco.pictures.length > 0 && coco.objects.length > 0,
    'empty-dataset',
    `${file} has ${coco.pictures.length} pictures and ${coco.objects.length} objects; there is nothing to find.`,
    { file },
  )
  const labels = await readLabels(host, descriptor.labels, place)
  ensureSomeKnown(labels, coco.categories, place)
  const byPicture = new Map<number, CocoObject[]>(coco.pictures.map(({ id }) => [id, []]))
  for (const object of coco.objects) byPicture.get(object.pictureId)?.push(object)
  const folder = host.within(place.folder, images)
  return {
    kind: 'coco-detection',
    samples: coco.pictures.map(({ id, fileName }) => ({
      picture: { name: `${images}/${fileName}`, path: host.within(folder, fileName) },
      id,
      objects: byPicture.get(id) ?? [],
    })),
    categories: coco.categories,
    labels,
    classIds,
    preprocess,
    settings,
  }
}

function ensureSomeKnown(
  labels: readonly string[] | null,
  categories: readonly CocoCategory[],
  { file }: DescriptorPlace,
): void {
  ensure(
    labels === null || categories.some(({ name }) => labels.includes(name)),
    'invalid-dataset',
    `${file}: none of the ${labels?.length ?? 0} "labels" is the name of a category; the categories ` +
      `start with ${categories
        .slice(0, 5)
        .map(({ name }) => `"${name.slice(0, 30)}"`)
        .join(', ')}.`,
    { file, key: 'labels' },
  )
}
