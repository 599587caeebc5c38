import type { CocoBox, FoundObject, TrueObject } from './coco-types.ts'
import { AREAS, IOU_THRESHOLDS, MOST_FOUND } from './coco-types.ts'

/** What a detection is at one threshold and area range. */
export const STATE = { wrong: 0, right: 1, ignored: 2 } as const

/** The detections of one category in one picture, best first, at most `MOST_FOUND`. */
export type PictureMatches = {
  readonly picture: number
  readonly scores: readonly number[]
  /** A list per area range: the STATE at each threshold and detection, shape (thresholds, found). */
  readonly states: readonly Uint8Array[]
  /** How many objects count, per area range. */
  readonly positives: readonly number[]
}

/**
 * Matches the detections of one category in one picture to its objects, as pycocotools'
 * `evaluateImg`: the best detection first, each to the free object that it overlaps most, ordinary
 * objects before ignored ones; a crowd may be matched many times. (There, an object with the id 0
 * never counts as matched; here ids do not matter.)
 *
 * @see https://github.com/cocodataset/cocoapi/blob/master/PythonAPI/pycocotools/cocoeval.py
 */
export function matchPicture(
  picture: number,
  truths: readonly TrueObject[],
  found: readonly FoundObject[],
): PictureMatches {
  // Sorting is stable, so equal scores keep their order.
  const best = found.toSorted((a, b) => b.score - a.score).slice(0, MOST_FOUND)
  const areas = AREAS.map(([from, to]) => matchInArea(truths, best, from, to))
  return {
    picture,
    scores: best.map(({ score }) => score),
    states: areas.map(({ states }) => states),
    positives: areas.map(({ positives }) => positives),
  }
}

function matchInArea(
  truths: readonly TrueObject[],
  found: readonly FoundObject[],
  from: number,
  to: number,
): { readonly states: Uint8Array; readonly positives: number } {
  const isOutside = (area: number): boolean => area < from || area > to
  const isIgnored = (truth: TrueObject): boolean => truth.isCrowd || isOutside(truth.area)
  const counted = truths.filter((truth) => !isIgnored(truth))
  const ordered = [...counted, ...truths.filter(isIgnored)]
  const overlaps = found.map(({ box }) => ordered.map((truth) => overlap(box, truth)))
  const states = new Uint8Array(IOU_THRESHOLDS.length * found.length)
  for (const [t, threshold] of IOU_THRESHOLDS.entries()) {
    const taken = new Uint8Array(ordered.length)
    for (const [d, { box }] of found.entries()) {
      const match = bestMatch(overlaps[d] ?? [], ordered, taken, threshold, counted.length)
      if (match >= 0) taken[match] = 1
      const isCounted = match >= 0 ? match < counted.length : !isOutside(box[2] * box[3])
      const outcome = match >= 0 ? STATE.right : STATE.wrong
      states[t * found.length + d] = isCounted ? outcome : STATE.ignored
    }
  }
  return { states, positives: counted.length }
}

/** The object that a detection is matched to, or -1. The last of equal overlaps wins. */
function bestMatch(
  overlaps: readonly number[],
  truths: readonly TrueObject[],
  taken: Uint8Array,
  threshold: number,
  counted: number,
): number {
  let least = Math.min(threshold, 1 - 1e-10)
  let match = -1
  for (const [g, truth] of truths.entries()) {
    if (taken[g] === 1 && !truth.isCrowd) continue
    if (match >= 0 && match < counted && g >= counted) break
    const value = overlaps[g] ?? 0
    if (value < least) continue
    least = value
    match = g
  }
  return match
}

/**
 * Intersection over union; for a crowd, over the area of the detection.
 *
 * @see https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c, `bbIou`
 */
function overlap(found: CocoBox, truth: TrueObject): number {
  const [x, y, w, h] = found
  const [left, top, width, height] = truth.box
  const across = Math.min(w + x, width + left) - Math.max(x, left)
  if (across <= 0) return 0
  const down = Math.min(h + y, height + top) - Math.max(y, top)
  if (down <= 0) return 0
  const shared = across * down
  return shared / (truth.isCrowd ? w * h : w * h + width * height - shared)
}
