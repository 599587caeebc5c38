import { ensure, MixbitError } from '../base/error.ts'
import type { Host } from '../base/host.ts'
import type { ImagesDescriptor } from './descriptor-questions.ts'
import { readText } from '../base/json-file.ts'

/** What the picture decoder reads, by file name. */
const PICTURE_NAME = /\.(?:jpe?g|png|webp|gif|tiff?|avif)$/i

/** Pictures that are looked for at the same time. */
const LOOKUPS = 64

/** A picture of a data set. */
export type PictureFile = {
  /** As the file system wants it. */
  readonly path: string
  /** Relative to the data set's folder. */
  readonly name: string
}

type Pictures = ImagesDescriptor['pictures']

/** The pictures of a descriptor of kind `images`, in name order for a folder, else as listed. */
export async function listPictures(
  host: Host,
  folder: string,
  pictures: Pictures,
): Promise<readonly PictureFile[]> {
  if ('folder' in pictures) return picturesInFolder(host, folder, pictures.folder)
  const names =
    'paths' in pictures
      ? pictures.paths
      : linesOf(await readText(host, host.within(folder, pictures.list), 'invalid-dataset'))
  return names.map((name) => ({ name, path: host.within(folder, name) }))
}

/** The pictures that lie in a folder, in name order. */
export async function picturesInFolder(
  host: Host,
  base: string,
  folder: string,
): Promise<readonly PictureFile[]> {
  const path = host.within(base, folder)
  const names = await host.list(path)
  ensure(names !== undefined, 'not-found', `"${path}" is not a folder of pictures.`, { path })
  return names
    .filter((name) => PICTURE_NAME.test(name))
    .map((name) => ({
      name: folder === '.' ? name : `${folder}/${name}`,
      path: host.within(path, name),
    }))
}

/** Fails with `missing-image` before any work starts, naming the first picture that is not there. */
export async function ensurePictures(
  host: Pick<Host, 'exists'>,
  pictures: Iterable<PictureFile & { readonly neededBy: string }>,
): Promise<void> {
  const distinct = [...new Map([...pictures].map((each) => [each.path, each])).values()]
  for (let start = 0; start < distinct.length; start += LOOKUPS) {
    const batch = distinct.slice(start, start + LOOKUPS)
    const found = await Promise.all(batch.map(({ path }) => host.exists(path)))
    const missing = batch.find((_, index) => found[index] !== true)
    if (missing === undefined) continue
    throw new MixbitError(
      'missing-image',
      `The picture "${missing.path}" of ${missing.neededBy} does not exist.`,
      { path: missing.path, image: missing.name },
    )
  }
}

/** The lines of a text that are not empty, without white space around them. */
export function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
