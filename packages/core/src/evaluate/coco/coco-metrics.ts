import { bootstrapError } from '../bootstrap.ts'
import type { Interval } from '../bootstrap.ts'
import type { CategoryMatches, Curve } from './category.ts'
import { accumulate, joinPictures } from './category.ts'
import type { FoundObject, TrueObject } from './coco-types.ts'
import { AREA, IOU_THRESHOLDS, MOST_FOUND } from './coco-types.ts'
import { matchPicture } from './match.ts'

/** COCO's twelve numbers, 0 to 1; null where no object is in the range. */
export type CocoMetrics = {
  /** Average precision, mean of the thresholds 0.50 to 0.95: COCO's mAP. */
  readonly ap: number | null
  readonly ap50: number | null
  readonly ap75: number | null
  readonly apSmall: number | null
  readonly apMedium: number | null
  readonly apLarge: number | null
  /** Average recall with at most 1, 10 and 100 detections a picture and category. */
  readonly ar1: number | null
  readonly ar10: number | null
  readonly ar100: number | null
  readonly arSmall: number | null
  readonly arMedium: number | null
  readonly arLarge: number | null
}

/** Matches of every category, from which metrics are computed. */
export type CocoMatches = readonly CategoryMatches[]

/** Positions of 0.50 and 0.75 in `IOU_THRESHOLDS`. */
const AT_50 = 0
const AT_75 = 5

/** Each draw looks at all detections again; enough for a standard error. */
const RESAMPLES = 200

/** The 97.5 % point of the normal distribution. */
const Z = 1.959963984540054

/** Matches detections to objects, category by category and picture by picture in their order. */
export function matchObjects(
  truths: readonly TrueObject[],
  found: readonly FoundObject[],
): CocoMatches {
  const truthsBy = byCategoryAndPicture(truths)
  const foundBy = byCategoryAndPicture(found)
  const categories = [...new Set([...truthsBy.keys(), ...foundBy.keys()])].sort((a, b) => a - b)
  return categories.map((category) => {
    const inTruth = truthsBy.get(category) ?? new Map<number, TrueObject[]>()
    const inFound = foundBy.get(category) ?? new Map<number, FoundObject[]>()
    const pictures = [...new Set([...inTruth.keys(), ...inFound.keys()])].sort((a, b) => a - b)
    return joinPictures(
      pictures.map((picture) =>
        matchPicture(picture, inTruth.get(picture) ?? [], inFound.get(picture) ?? []),
      ),
    )
  })
}

/** The numbers of COCO's evaluation of boxes, as pycocotools computes them. */
export function cocoMetrics(matches: CocoMatches): CocoMetrics {
  const all = curves(matches, AREA.all, MOST_FOUND)
  const small = curves(matches, AREA.small, MOST_FOUND)
  const medium = curves(matches, AREA.medium, MOST_FOUND)
  const large = curves(matches, AREA.large, MOST_FOUND)
  return {
    ap: meanOf(all, ({ precision }) => mean(precision)),
    ap50: meanOf(all, ({ precision }) => precision[AT_50] ?? 0),
    ap75: meanOf(all, ({ precision }) => precision[AT_75] ?? 0),
    apSmall: meanOf(small, ({ precision }) => mean(precision)),
    apMedium: meanOf(medium, ({ precision }) => mean(precision)),
    apLarge: meanOf(large, ({ precision }) => mean(precision)),
    ar1: meanOf(curves(matches, AREA.all, 1), ({ recall }) => mean(recall)),
    ar10: meanOf(curves(matches, AREA.all, 10), ({ recall }) => mean(recall)),
    ar100: meanOf(all, ({ recall }) => mean(recall)),
    arSmall: meanOf(small, ({ recall }) => mean(recall)),
    arMedium: meanOf(medium, ({ recall }) => mean(recall)),
    arLarge: meanOf(large, ({ recall }) => mean(recall)),
  }
}

/**
 * The 95 % interval of COCO's mAP: 1.96 standard errors to each side, from the bootstrap over
 * pictures, cut at 0 and 1. Null where there is no mAP, and for one picture.
 */
export function cocoInterval(matches: CocoMatches, pictures: number): Interval | null {
  const apOf = (weights?: Float64Array): number | null =>
    meanOf(curves(matches, AREA.all, MOST_FOUND, weights), ({ precision }) => mean(precision))
  const value = apOf()
  const error = value === null ? null : bootstrapError(pictures, apOf, RESAMPLES)
  if (value === null || error === null) return null
  return { low: Math.max(0, value - Z * error), high: Math.min(1, value + Z * error) }
}

function curves(
  matches: CocoMatches,
  area: number,
  mostFound: number,
  weights?: Float64Array,
): readonly Curve[] {
  return matches.flatMap((category) => {
    const curve = accumulate(category, area, mostFound, weights)
    return curve === null ? [] : [curve]
  })
}

/** Categories without objects are left out of the mean. */
function meanOf(all: readonly Curve[], valueOf: (curve: Curve) => number): number | null {
  if (all.length === 0) return null
  return all.reduce((sum, curve) => sum + valueOf(curve), 0) / all.length
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / IOU_THRESHOLDS.length
}

function byCategoryAndPicture<Item extends { readonly category: number; readonly picture: number }>(
  items: readonly Item[],
): ReadonlyMap<number, ReadonlyMap<number, Item[]>> {
  const groups = new Map<number, Map<number, Item[]>>()
  for (const item of items) {
    const pictures = groups.get(item.category) ?? new Map<number, Item[]>()
    groups.set(item.category, pictures)
    const list = pictures.get(item.picture) ?? []
    pictures.set(item.picture, list)
    list.push(item)
  }
  return groups
}
