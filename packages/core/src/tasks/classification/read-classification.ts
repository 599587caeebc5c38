import { ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { readText } from '../../base/json-file.ts'
import type { ClassificationDescriptor } from '../descriptor-pictures.ts'
import type { DescriptorPlace } from '../label-names.ts'
import { readLabels } from '../label-names.ts'
import type { PictureFile } from '../pictures.ts'
import { picturesInFolder } from '../pictures.ts'
import type { PreprocessSpec } from '../preprocess.ts'

export type ClassificationSample = {
  readonly picture: PictureFile
  /** Place of its class in the model's outputs. */
  readonly label: number
}

/** Pictures with one class each. */
export type ClassificationDataset = {
  readonly kind: 'image-classification'
  readonly samples: readonly ClassificationSample[]
  /** Names of the classes, where they are known. */
  readonly labels: readonly string[] | null
  /** How many classes the data set has; null for a list, which may leave classes out. */
  readonly folders: number | null
  readonly preprocess: PreprocessSpec | null
  readonly output: string | null
}

/**
 * Reads the pictures and their classes. Of a folder with one folder a class, the class is the place
 * of the folder's name in `labels`, or without these among the folders in name order. Classes take
 * turns in the order of the samples.
 */
export async function loadClassification(
  host: Host,
  { pictures, labels, preprocess, output }: ClassificationDescriptor,
  place: DescriptorPlace,
): Promise<ClassificationDataset> {
  const names = await readLabels(host, labels, place)
  const shared = { kind: 'image-classification', preprocess, output } as const
  if ('list' in pictures) {
    const samples = await listedPictures(host, pictures.list, names, place)
    return { ...shared, samples, labels: names, folders: null }
  }
  const folders = await classFolders(host, pictures.folder, place)
  const classes: (readonly ClassificationSample[])[] = []
  for (const [index, folder] of folders.entries()) {
    const label = names === null ? index : classOf(folder, names, place)
    const inside = await picturesInFolder(host, place.folder, `${pictures.folder}/${folder}`)
    classes.push(inside.map((picture) => ({ picture, label })))
  }
  return {
    ...shared,
    samples: inTurn(classes),
    labels: names ?? folders,
    folders: names === null ? folders.length : null,
  }
}

/** The first of each class, then the second of each, so that a limit does not leave classes out. */
function inTurn<Sample>(classes: readonly (readonly Sample[])[]): readonly Sample[] {
  const longest = classes.reduce((most, { length }) => Math.max(most, length), 0)
  return Array.from({ length: longest }, (_, round) =>
    classes.flatMap((samples) => samples.slice(round, round + 1)),
  ).flat()
}

async function classFolders(
  host: Host,
  folder: string,
  place: DescriptorPlace,
): Promise<readonly string[]> {
  const path = host.within(place.folder, folder)
  const folders = await host.listFolders(path)
  ensure(folders !== undefined, 'not-found', `"${path}" is not a folder.`, { path })
  ensure(
    folders.length > 0,
    'empty-dataset',
    `"${path}" has no folders; there must be one folder of pictures a class.`,
    { path },
  )
  return folders
}

function classOf(folder: string, names: readonly string[], { file }: DescriptorPlace): number {
  const label = names.indexOf(folder)
  ensure(
    label >= 0 && !names.includes(folder, label + 1),
    'invalid-dataset',
    `${file}: the folder "${folder}" must be in "labels" once, so that its class is known.`,
    { file, folder },
  )
  return label
}

const LINE = /^(.*\S)\s+(\d{1,7})$/

/** Lines of a path, white space and the number of the class. */
async function listedPictures(
  host: Host,
  list: string,
  names: readonly string[] | null,
  { folder }: DescriptorPlace,
): Promise<readonly ClassificationSample[]> {
  const file = host.within(folder, list)
  const lines = (await readText(host, file, 'invalid-dataset')).split('\n')
  return lines.flatMap((line, index) => {
    const text = line.trim()
    if (text === '') return []
    const [, name = '', label = ''] = LINE.exec(text) ?? []
    const at = { file, line: index + 1 }
    ensure(
      name !== '',
      'invalid-dataset',
      `${file}: line ${index + 1} is "${text.slice(0, 60)}"; a path and the number of its class were expected.`,
      at,
    )
    ensure(
      names === null || Number(label) < names.length,
      'invalid-dataset',
      `${file}: line ${index + 1} has the class ${label}; "labels" names ${names?.length ?? 0}.`,
      at,
    )
    return [{ picture: { name, path: host.within(folder, name) }, label: Number(label) }]
  })
}
