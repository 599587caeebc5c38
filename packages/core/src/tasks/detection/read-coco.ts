import { z } from 'zod'
import { ensure } from '../../base/error.ts'
import { parseWith } from '../../base/parse-with.ts'

/** A picture of a COCO file. */
export type CocoPicture = { readonly id: number; readonly fileName: string }

export type CocoCategory = { readonly id: number; readonly name: string }

/** An object; `box` is left, top, width, height in pixels. */
export type CocoObject = {
  readonly pictureId: number
  readonly categoryId: number
  readonly box: readonly [number, number, number, number]
  readonly area: number
  readonly isCrowd: boolean
}

export type CocoFile = {
  /** In file order. */
  readonly pictures: readonly CocoPicture[]
  /** In order of their ids. */
  readonly categories: readonly CocoCategory[]
  readonly objects: readonly CocoObject[]
}

const fileSchema = z.object({
  images: z.array(z.unknown()),
  categories: z.array(z.unknown()),
  annotations: z.array(z.unknown()),
})
const pictureSchema = z.object({ id: z.int(), file_name: z.string().min(1) })
const categorySchema = z.object({ id: z.int(), name: z.string() })
const length = z.number().min(0)
const objectSchema = z.object({
  image_id: z.int(),
  category_id: z.int(),
  bbox: z.tuple([z.number(), z.number(), length, length]),
  area: length,
  iscrowd: z.union([z.literal(0), z.literal(1)], { error: 'must be 0 or 1' }).optional(),
})

/**
 * Reads a file of COCO's instances: pictures, categories and boxes. Shapes, sizes and licences are
 * not looked at.
 *
 * @see https://cocodataset.org/#format-data, "Object Detection"
 */
export function readCoco(value: unknown, file: string): CocoFile {
  const origin = { code: 'invalid-dataset', file } as const
  const { images, categories, annotations } = parseWith(fileSchema, value, origin)
  const pictures = images.map((entry, i) => {
    const { id, file_name } = parseWith(pictureSchema, entry, { ...origin, at: `images[${i}]` })
    return { id, fileName: file_name }
  })
  const kinds = categories.map((entry, i) =>
    parseWith(categorySchema, entry, { ...origin, at: `categories[${i}]` }),
  )
  const pictureIds = distinct(pictures, 'images', file)
  const categoryIds = distinct(kinds, 'categories', file)
  const objects = annotations.map((entry, i) => {
    const at = `annotations[${i}]`
    const object = parseWith(objectSchema, entry, { ...origin, at })
    ensureKnown(pictureIds, object.image_id, `${at}.image_id`, 'images', file)
    ensureKnown(categoryIds, object.category_id, `${at}.category_id`, 'categories', file)
    return {
      pictureId: object.image_id,
      categoryId: object.category_id,
      box: object.bbox,
      area: object.area,
      isCrowd: object.iscrowd === 1,
    }
  })
  return { pictures, categories: kinds.toSorted((a, b) => a.id - b.id), objects }
}

function distinct(
  entries: readonly { readonly id: number }[],
  list: string,
  file: string,
): ReadonlySet<number> {
  const ids = new Set<number>()
  for (const [index, { id }] of entries.entries()) {
    ensure(!ids.has(id), 'invalid-dataset', `${file}: ${list}[${index}] repeats the id ${id}.`, {
      file,
      id,
    })
    ids.add(id)
  }
  return ids
}

function ensureKnown(
  ids: ReadonlySet<number>,
  id: number,
  at: string,
  list: string,
  file: string,
): void {
  ensure(ids.has(id), 'invalid-dataset', `${file}: ${at} is ${id}, which is not in ${list}.`, {
    file,
    id,
  })
}
