import type { PictureMatches } from './match.ts'
import { STATE } from './match.ts'
import { AREAS, IOU_THRESHOLDS, RECALLS } from './coco-types.ts'

/** All detections of one category, best first, with what each is. */
export type CategoryMatches = {
  /** Of each detection. */
  readonly picture: Int32Array
  /** Of each detection: its place among those of its picture, from 0 on. */
  readonly rank: Int32Array
  /** A list per area range: the STATE at each threshold and detection, shape (thresholds, found). */
  readonly states: readonly Uint8Array[]
  /** A list per area range: how many objects of each picture count. */
  readonly positives: readonly ReadonlyMap<number, number>[]
}

/** Precision and recall of one category at each threshold. */
export type Curve = {
  /** Mean precision over the 101 recalls, per threshold. */
  readonly precision: Float64Array
  /** The largest recall, per threshold. */
  readonly recall: Float64Array
}

/** Puts the pictures of a category together and sorts all detections by score. */
export function joinPictures(pictures: readonly PictureMatches[]): CategoryMatches {
  const entries = pictures.flatMap((match) =>
    match.scores.map((score, rank) => ({ match, score, rank })),
  )
  entries.sort((a, b) => b.score - a.score)
  return {
    picture: Int32Array.from(entries, ({ match }) => match.picture),
    rank: Int32Array.from(entries, ({ rank }) => rank),
    states: AREAS.map((_, area) => {
      const states = new Uint8Array(IOU_THRESHOLDS.length * entries.length)
      for (const [at, { match, rank }] of entries.entries()) {
        for (let t = 0; t < IOU_THRESHOLDS.length; t++) {
          const state = match.states[area]?.[t * match.scores.length + rank]
          states[t * entries.length + at] = state ?? STATE.ignored
        }
      }
      return states
    }),
    positives: AREAS.map(
      (_, area) => new Map(pictures.map((match) => [match.picture, match.positives[area] ?? 0])),
    ),
  }
}

/**
 * Precision and recall as pycocotools' `accumulate`: precision made to fall with recall, read at
 * the first detection that reaches each of the 101 recalls. Null for a category without objects.
 *
 * @param mostFound - detections a picture, the best ones
 * @param weights - how often each picture counts; once without it
 */
export function accumulate(
  category: CategoryMatches,
  area: number,
  mostFound: number,
  weights?: Float64Array,
): Curve | null {
  let positives = 0
  for (const [picture, count] of category.positives[area] ?? []) {
    positives += count * (weights?.[picture] ?? 1)
  }
  if (positives === 0) return null
  const states = category.states[area] ?? new Uint8Array(0)
  const precision = new Float64Array(IOU_THRESHOLDS.length)
  const recall = new Float64Array(IOU_THRESHOLDS.length)
  const points = {
    precisions: new Float64Array(category.rank.length),
    recalls: new Float64Array(category.rank.length),
  }
  for (let t = 0; t < IOU_THRESHOLDS.length; t++) {
    const count = walk(points, category, states, t, { mostFound, weights, positives })
    recall[t] = points.recalls[count - 1] ?? 0
    precision[t] = meanPrecision(points, count)
  }
  return { precision, recall }
}

/** Precision and recall after each detection, best first; the first so many are filled. */
type Points = {
  readonly precisions: Float64Array
  readonly recalls: Float64Array
}

type Walk = {
  readonly mostFound: number
  readonly weights: Float64Array | undefined
  readonly positives: number
}

/** Writes a point a detection, ignored ones included as pycocotools has them, and returns how many. */
function walk(
  points: Points,
  { picture, rank }: CategoryMatches,
  states: Uint8Array,
  threshold: number,
  { mostFound, weights, positives }: Walk,
): number {
  let count = 0
  let right = 0
  let wrong = 0
  for (let d = 0; d < rank.length; d++) {
    if ((rank[d] ?? 0) >= mostFound) continue
    const weight = weights?.[picture[d] ?? 0] ?? 1
    if (weight === 0) continue
    const state = states[threshold * rank.length + d]
    if (state === STATE.right) right += weight
    if (state === STATE.wrong) wrong += weight
    points.recalls[count] = right / positives
    points.precisions[count] = right / (wrong + right + Number.EPSILON)
    count += 1
  }
  return count
}

/** `precisions` is written to: each becomes the largest of its own and all later ones. */
function meanPrecision({ precisions, recalls }: Points, count: number): number {
  for (let d = count - 1; d > 0; d--) {
    precisions[d - 1] = Math.max(precisions[d - 1] ?? 0, precisions[d] ?? 0)
  }
  let sum = 0
  let d = 0
  for (const wanted of RECALLS) {
    while (d < count && (recalls[d] ?? 0) < wanted) d += 1
    if (d < count) sum += precisions[d] ?? 0
  }
  return sum / RECALLS.length
}
