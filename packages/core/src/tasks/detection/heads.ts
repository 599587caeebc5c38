import { MixbitError, ensure } from '../../base/error.ts'

/**
 * How a detector writes its boxes.
 *
 * - `yolov5`: (1, boxes, 5 + classes): centre, size, objectness, classes; three boxes a cell
 * - `yolov8`: (1, 4 + classes, boxes): centre, size, classes; also v9, v11 and v12
 * - `yolox`: (1, cells, 5 + classes) as the network gives it, before the grid is added
 * - `end-to-end`: (1, boxes, 6): corners, score, class; v10 and exports with NMS inside
 * - `ssd`: three or four outputs: boxes, scores, classes and perhaps their number
 */
export const HEADS = ['yolov5', 'yolov8', 'yolox', 'end-to-end', 'ssd'] as const
export type Head = (typeof HEADS)[number]

/** What happens to the boxes of a head. */
export type HeadDefaults = {
  /** Boxes with a lower score, or this one, are dropped. */
  readonly confidence: number
  /** Overlap above which a worse box goes; null: the model has removed them itself. */
  readonly iou: number | null
  readonly mostFound: number
  /** Whether a box counts for each class above `confidence`, or for its best one. */
  readonly labels: 'all' | 'best'
}

/**
 * The settings with which each family measures mAP, in its own validation program: YOLOv5 `val.py`
 * 0.001 and 0.6; ultralytics `val` 0.001 and 0.7; YOLOX `eval.py` 0.01 and 0.65, best class only.
 * (To show boxes to people ultralytics takes 0.25, which cuts the end of the precision curve off.)
 *
 * @see https://docs.ultralytics.com/modes/val/
 * @see https://github.com/ultralytics/yolov5/blob/v7.0/val.py
 * @see https://github.com/Megvii-BaseDetection/YOLOX/blob/0.3.0/yolox/exp/yolox_base.py
 */
export const HEAD_DEFAULTS: Readonly<Record<Head, HeadDefaults>> = {
  yolov5: { confidence: 0.001, iou: 0.6, mostFound: 300, labels: 'all' },
  yolov8: { confidence: 0.001, iou: 0.7, mostFound: 300, labels: 'all' },
  yolox: { confidence: 0.01, iou: 0.65, mostFound: 300, labels: 'best' },
  'end-to-end': { confidence: 0.001, iou: null, mostFound: 300, labels: 'best' },
  ssd: { confidence: 0, iou: null, mostFound: 300, labels: 'best' },
}

/** Strides of the cells that YOLO heads look at; with P6 there is a fourth. */
const STRIDES: readonly (readonly number[])[] = [
  [8, 16, 32],
  [8, 16, 32, 64],
]

/** The facts of a picture model from which its head is recognised. */
export type HeadFacts = {
  /** Shapes of the outputs as computed, in their order. */
  readonly shapes: readonly (readonly number[])[]
  /** Height and width of the input. */
  readonly size: readonly [height: number, width: number]
  /** How many classes the data set has. */
  readonly classes: number
}

/** Recognises the head; `unsupported-model` where the shapes fit none. */
export function recogniseHead(facts: HeadFacts): Head {
  const { shapes, classes } = facts
  const head = shapes.length >= 3 ? 'ssd' : headOfOne(facts)
  if (head !== undefined) return head
  throw new MixbitError(
    'unsupported-model',
    `The model's outputs have the shapes ${shapes.map((each) => each.join(' x ')).join(' and ')}; ` +
      `no known detector head gives these for ${classes} classes. ` +
      `Name it with "head" in the dataset descriptor: ${HEADS.join(', ')}.`,
    { shapes: shapes.map((each) => each.join(' x ')), classes },
  )
}

/** Rows of YOLOv5 and YOLOX are told apart by their number: three a cell, or one. */
function headOfOne({ shapes, size, classes }: HeadFacts): Head | undefined {
  const [shape = []] = shapes
  const [batch, rows = 0, columns = 0] = shape
  if (shapes.length !== 1 || shape.length !== 3 || batch !== 1) return undefined
  const cells = STRIDES.map((strides) => countCells(...size, strides))
  if (columns === classes + 5 && cells.includes(rows)) return 'yolox'
  if (columns === classes + 5 && cells.includes(rows / 3)) return 'yolov5'
  if (rows === classes + 4) return 'yolov8'
  return columns === 6 ? 'end-to-end' : undefined
}

/** The strides whose cells are as many as `count`. */
export function stridesFor(
  [height, width]: readonly [number, number],
  count: number,
): readonly number[] {
  const strides = STRIDES.find((each) => countCells(height, width, each) === count)
  ensure(
    strides !== undefined,
    'wrong-shape',
    `A YOLOX head for pictures of ${height} x ${width} has ${STRIDES.map((each) => countCells(height, width, each)).join(' or ')} cells; the model gives ${count}.`,
    { cells: count, height, width },
  )
  return strides
}

function countCells(height: number, width: number, strides: readonly number[]): number {
  return strides.reduce(
    (sum, stride) => sum + Math.floor(height / stride) * Math.floor(width / stride),
    0,
  )
}
