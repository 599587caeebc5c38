/** Boxes that a head gives, before overlapping ones are removed. */
export type Candidates = {
  /** Left, top, right, bottom in pixels of the input: float32, shape (candidates, 4). */
  readonly boxes: Float32Array
  /** float32, shape (candidates) */
  readonly scores: Float32Array
  readonly classes: ArrayLike<number>
}

export type SuppressOptions = {
  /** A box that overlaps a better one of its class by more than this is dropped. */
  readonly iou: number
  /** Most boxes of a picture, the best ones. */
  readonly mostFound: number
}

/** `max_nms` of ultralytics: only the best so many candidates are looked at. */
const MOST_CANDIDATES = 30_000

/** `max_wh` of ultralytics: how far the boxes of each class are moved from those of the one before. */
const CLASS_DISTANCE = 7680

/**
 * Non-maximum suppression by class, as `non_max_suppression` of ultralytics with torchvision's
 * `nms`: float32 throughout, on boxes moved by 7680 pixels a class (which rounds them), equal scores
 * in their order.
 *
 * @returns positions of the kept candidates, best first
 * @see https://github.com/ultralytics/ultralytics/blob/v8.3.0/ultralytics/utils/ops.py
 * @see https://github.com/pytorch/vision/blob/v0.20.0/torchvision/csrc/ops/cpu/nms_kernel.cpp
 */
export function suppress(candidates: Candidates, options: SuppressOptions): readonly number[] {
  const { scores, classes } = candidates
  const order = Array.from(scores.keys())
  order.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
  const boxes = movedBoxes(candidates)
  const kept: number[] = []
  const keptByClass = new Map<number, number[]>()
  for (const at of order.slice(0, MOST_CANDIDATES)) {
    if (kept.length === options.mostFound) break
    const own = classes[at] ?? 0
    const better = keptByClass.get(own) ?? []
    if (better.some((other) => overlap(boxes, other, at) > options.iou)) continue
    keptByClass.set(own, better)
    better.push(at)
    kept.push(at)
  }
  return kept
}

function movedBoxes({ boxes, classes }: Candidates): Float32Array {
  return boxes.map((edge, i) => edge + (classes[i >> 2] ?? 0) * CLASS_DISTANCE)
}

/** Intersection over union with every step rounded to float32. */
function overlap(boxes: Float32Array, a: number, b: number): number {
  const left = Math.max(boxes[a * 4] ?? 0, boxes[b * 4] ?? 0)
  const top = Math.max(boxes[a * 4 + 1] ?? 0, boxes[b * 4 + 1] ?? 0)
  const right = Math.min(boxes[a * 4 + 2] ?? 0, boxes[b * 4 + 2] ?? 0)
  const bottom = Math.min(boxes[a * 4 + 3] ?? 0, boxes[b * 4 + 3] ?? 0)
  const width = Math.max(0, Math.fround(right - left))
  const height = Math.max(0, Math.fround(bottom - top))
  const shared = Math.fround(width * height)
  const together = Math.fround(area(boxes, a) + area(boxes, b))
  return Math.fround(shared / Math.fround(together - shared))
}

function area(boxes: Float32Array, at: number): number {
  const width = Math.fround((boxes[at * 4 + 2] ?? 0) - (boxes[at * 4] ?? 0))
  const height = Math.fround((boxes[at * 4 + 3] ?? 0) - (boxes[at * 4 + 1] ?? 0))
  return Math.fround(width * height)
}
