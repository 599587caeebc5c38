/** Left, top, width and height in pixels, as COCO files give boxes. */
export type CocoBox = readonly [left: number, top: number, width: number, height: number]

/** An object that is in a picture. */
export type TrueObject = {
  /** Position of the picture in the list of pictures, which is in order of their ids. */
  readonly picture: number
  readonly category: number
  readonly box: CocoBox
  /** Pixels of the annotated shape, not of its box. */
  readonly area: number
  /** A region with many objects: a detection inside it counts neither way. */
  readonly isCrowd: boolean
}

/** An object that a model found. */
export type FoundObject = {
  readonly picture: number
  readonly category: number
  readonly box: CocoBox
  readonly score: number
}

/** COCO's thresholds of intersection over union, 0.50 to 0.95; numpy's linspace, bit for bit. */
export const IOU_THRESHOLDS: readonly number[] = linspace(0.5, 0.95, 10)

/** The recalls at which precision is read: 0 to 1 in hundredths. */
export const RECALLS: readonly number[] = linspace(0, 1, 101)

/** Ranges of area in pixels, both ends included. */
export const AREAS: readonly (readonly [from: number, to: number])[] = [
  [0, 1e5 ** 2],
  [0, 32 ** 2],
  [32 ** 2, 96 ** 2],
  [96 ** 2, 1e5 ** 2],
]

/** Positions in `AREAS`. */
export const AREA = { all: 0, small: 1, medium: 2, large: 3 } as const

/** Most detections of one category in one picture that are looked at. */
export const MOST_FOUND = 100

function linspace(from: number, to: number, count: number): readonly number[] {
  const step = (to - from) / (count - 1)
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? to : i * step + from))
}
