import { ensure } from '../../base/error.ts'
import type { HeadDefaults } from './heads.ts'
import { stridesFor } from './heads.ts'
import type { Candidates } from './suppress.ts'

/** A head's only output, flat. */
export type HeadOutput = {
  /** float32, shape `shape` */
  readonly values: Float32Array
  readonly shape: readonly number[]
}

/** `confidence` is compared as float32, as torch does with a tensor and a number. */
type Limits = Pick<HeadDefaults, 'confidence' | 'labels'>

/** One box of a head: where its numbers lie. */
type Row = {
  /** Position of the first number. */
  readonly start: number
  /** From one number to the next. */
  readonly step: number
}

/** YOLOv8: (1, 4 + classes, boxes), scores after the sigmoid. */
export function decodeYolov8({ values, shape }: HeadOutput, limits: Limits): Candidates {
  const [, numbers = 0, boxes = 0] = shape
  const collected = collector(limits)
  for (let box = 0; box < boxes; box++) {
    const row = { start: box, step: boxes }
    collected.add(values, row, { scores: 4, classes: numbers - 4, objectness: 1 })
  }
  return collected.candidates()
}

/** YOLOv5: (1, boxes, 5 + classes), scores after the sigmoid; a class scores objectness times its own. */
export function decodeYolov5({ values, shape }: HeadOutput, limits: Limits): Candidates {
  const [, boxes = 0, numbers = 0] = shape
  const collected = collector(limits)
  for (let box = 0; box < boxes; box++) {
    const row = { start: box * numbers, step: 1 }
    const objectness = values[row.start + 4] ?? 0
    if (!(objectness > Math.fround(limits.confidence))) continue
    collected.add(values, row, { scores: 5, classes: numbers - 5, objectness })
  }
  return collected.candidates()
}

/**
 * YOLOX: as YOLOv5, but a box is given in cells: centre = (cell + value) * stride,
 * size = exp(value) * stride.
 *
 * @see https://github.com/Megvii-BaseDetection/YOLOX/blob/0.3.0/yolox/utils/demo_utils.py
 */
export function decodeYolox(
  { values, shape }: HeadOutput,
  size: readonly [height: number, width: number],
  limits: Limits,
): Candidates {
  const [, cells = 0, numbers = 0] = shape
  const placed = values.slice()
  let cell = 0
  for (const stride of stridesFor(size, cells)) {
    const columns = Math.floor(size[1] / stride)
    const rows = Math.floor(size[0] / stride)
    for (let at = 0; at < rows * columns; at++, cell++) {
      const start = cell * numbers
      placed[start] = ((values[start] ?? 0) + (at % columns)) * stride
      placed[start + 1] = ((values[start + 1] ?? 0) + Math.floor(at / columns)) * stride
      placed[start + 2] = Math.exp(values[start + 2] ?? 0) * stride
      placed[start + 3] = Math.exp(values[start + 3] ?? 0) * stride
    }
  }
  return decodeYolov5({ values: placed, shape }, limits)
}

/** A model with NMS inside: (1, boxes, 6): left, top, right, bottom, score, class. */
export function decodeEndToEnd({ values, shape }: HeadOutput, limits: Limits): Candidates {
  const [, boxes = 0, numbers = 0] = shape
  ensure(
    numbers === 6,
    'wrong-shape',
    `An end-to-end head gives 6 numbers a box; the model gives ${numbers}.`,
    { numbers },
  )
  const rows = Array.from({ length: boxes }, (_, box) => values.subarray(box * 6, box * 6 + 6))
  const kept = rows.filter((row) => (row[4] ?? 0) > Math.fround(limits.confidence))
  return {
    boxes: Float32Array.from(kept.flatMap((row) => [...row.subarray(0, 4)])),
    scores: Float32Array.from(kept, (row) => row[4] ?? 0),
    classes: kept.map((row) => row[5] ?? 0),
  }
}

type Layout = {
  /** Place of the first class in a row. */
  readonly scores: number
  readonly classes: number
  readonly objectness: number
}

function collector({ labels, ...limits }: Limits): {
  readonly add: (values: Float32Array, row: Row, layout: Layout) => void
  readonly candidates: () => Candidates
} {
  const confidence = Math.fround(limits.confidence)
  const boxes: number[] = []
  const scores: number[] = []
  const classes: number[] = []
  const keep = (values: Float32Array, { start, step }: Row, name: number, score: number): void => {
    const at = (place: number): number => values[start + place * step] ?? 0
    const halfWidth = Math.fround(at(2) / 2)
    const halfHeight = Math.fround(at(3) / 2)
    boxes.push(at(0) - halfWidth, at(1) - halfHeight, at(0) + halfWidth, at(1) + halfHeight)
    scores.push(score)
    classes.push(name)
  }
  return {
    add(values, row, layout) {
      let best = -1
      let bestScore = confidence
      for (let name = 0; name < layout.classes; name++) {
        const own = values[row.start + (layout.scores + name) * row.step] ?? 0
        const score = Math.fround(own * layout.objectness)
        if (!(score > (labels === 'all' ? confidence : bestScore))) continue
        if (labels === 'all') keep(values, row, name, score)
        best = name
        bestScore = score
      }
      if (labels === 'best' && best >= 0) keep(values, row, best, bestScore)
    },
    candidates: () => ({
      boxes: Float32Array.from(boxes),
      scores: Float32Array.from(scores),
      classes,
    }),
  }
}
