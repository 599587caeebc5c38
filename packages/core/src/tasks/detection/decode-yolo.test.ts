import { expect, test } from 'vitest'
import { decodeSsd } from './decode-ssd.ts'
import { decodeEndToEnd, decodeYolov5, decodeYolov8, decodeYolox } from './decode-yolo.ts'
import { recogniseHead } from './heads.ts'
import type { Candidates } from './suppress.ts'

const all = { confidence: 0.1, labels: 'all' } as const
const best = { confidence: 0.1, labels: 'best' } as const
const plain = ({ boxes, scores, classes }: Candidates) => ({
  boxes: [...boxes],
  scores: [...scores].map((score) => Number(score.toFixed(6))),
  classes: Array.from(classes),
})
const output = (shape: readonly number[], values: readonly number[]) => ({
  shape,
  values: Float32Array.from(values),
})

test('YOLOv8 gives a box for each class above the limit', () => {
  // Two boxes in columns: centre x, centre y, width, height, two classes.
  const head = output([1, 6, 2], [10, 100, 20, 200, 4, 8, 6, 2, 0.9, 0.05, 0.3, 0.1])
  expect(plain(decodeYolov8(head, all))).toEqual({
    boxes: [8, 17, 12, 23, 8, 17, 12, 23],
    scores: [0.9, 0.3],
    classes: [0, 1],
  })
  expect(plain(decodeYolov8(head, best))).toMatchObject({ scores: [0.9], classes: [0] })
})

test('YOLOv5 multiplies a class by the objectness', () => {
  const head = output([1, 2, 7], [10, 20, 4, 6, 0.5, 0.9, 0.1, 1, 1, 1, 1, 0.05, 1, 1])
  expect(plain(decodeYolov5(head, all))).toEqual({
    boxes: [8, 17, 12, 23],
    scores: [0.45],
    classes: [0],
  })
})

test('YOLOX boxes are placed on their cells', () => {
  // A picture of 32 x 32 has 16 cells of stride 8, 4 of 16 and 1 of 32.
  const rows = Array.from({ length: 21 }, () => [0, 0, 0, 0, 0, 1])
  rows[6] = [0.5, 0.25, Math.log(2), 0, 1, 1]
  rows[20] = [0.5, 0.5, 0, Math.log(0.5), 0.5, 1]
  const head = output([1, 21, 6], rows.flat())
  const { boxes, scores } = decodeYolox(head, [32, 32], best)
  // Cell 6 is column 2 of row 1: centre (2.5, 1.25) * 8, size (2, 1) * 8.
  const expected = [12, 6, 28, 14, 0, 8, 32, 24]
  expect([...boxes].map((edge) => Math.round(edge * 1e4) / 1e4)).toEqual(expected)
  expect([...scores]).toEqual([1, 0.5])
  expect(() => decodeYolox(output([1, 20, 6], []), [32, 32], best)).toThrow(
    expect.objectContaining({ code: 'wrong-shape' }),
  )
})

test('an end-to-end head needs no decoding', () => {
  const head = output([1, 2, 6], [1, 2, 3, 4, 0.75, 7, 0, 0, 0, 0, 0.1, 0])
  expect(plain(decodeEndToEnd(head, best))).toEqual({
    boxes: [1, 2, 3, 4],
    scores: [0.75],
    classes: [7],
  })
})

const tensor = (shape: readonly number[], values: readonly number[]) => ({
  dtype: 'float32' as const,
  shape,
  data: Float32Array.from(values),
})

test("TensorFlow's boxes are fractions, top first", () => {
  const outputs = {
    detection_boxes: tensor([1, 2, 4], [0.1, 0.2, 0.5, 0.75, 0, 0, 1, 1]),
    detection_classes: tensor([1, 2], [17, 3]),
    detection_scores: tensor([1, 2], [0.5, 0.25]),
    num_detections: tensor([1], [1]),
  }
  const { boxes, scores, classes } = decodeSsd(outputs, [100, 200], 0, {})
  expect([...boxes].map(Math.round)).toEqual([40, 10, 150, 50])
  expect([[...scores], classes]).toEqual([[0.5], [17]])
})

test("torchvision's boxes are pixels, left first, unless the data set says otherwise", () => {
  const outputs = {
    boxes: tensor([1, 4], [1, 2, 3, 4]),
    scores: tensor([1], [1]),
    labels: { dtype: 'int64' as const, shape: [1], data: BigInt64Array.of(90n) },
  }
  expect([...decodeSsd(outputs, [10, 10], 0, {}).boxes]).toEqual([1, 2, 3, 4])
  const turned = decodeSsd(outputs, [10, 10], 0, { corners: 'yxyx', unit: 'fraction' })
  expect([...turned.boxes]).toEqual([20, 10, 40, 30])
  expect(turned.classes).toEqual([90])
})

test.for([
  {
    name: 'no scores',
    outputs: { boxes: tensor([1, 4], [1, 2, 3, 4]), classes: tensor([1], [1]) },
  },
  {
    name: 'scores of every class',
    outputs: {
      boxes: tensor([1, 1, 4], [1, 2, 3, 4]),
      scores: tensor([1, 1, 2], [0, 1]),
      classes: tensor([1], [1]),
    },
  },
])('a detector with $name is refused', ({ outputs }) => {
  expect(() => decodeSsd(outputs, [10, 10], 0, {})).toThrow(
    expect.objectContaining({ code: 'unsupported-model' }),
  )
})

test.for([
  { shapes: [[1, 25200, 85]], head: 'yolov5' },
  { shapes: [[1, 84, 8400]], head: 'yolov8' },
  { shapes: [[1, 8400, 85]], head: 'yolox' },
  { shapes: [[1, 300, 6]], head: 'end-to-end' },
  { shapes: [[1, 100, 4], [1, 100], [1, 100], [1]], head: 'ssd' },
])('the shapes $shapes of 80 classes are $head', ({ shapes, head }) => {
  expect(recogniseHead({ shapes, size: [640, 640], classes: 80 })).toBe(head)
})

test.for([
  { shapes: [[1, 84, 8400]], classes: 20 },
  { shapes: [[1, 1000]], classes: 80 },
  { shapes: [[1, 1000, 85]], classes: 80 },
  { shapes: [[2, 84, 8400]], classes: 80 },
  { shapes: [], classes: 80 },
])(
  'the shapes $shapes of $classes classes are refused with the known heads',
  ({ shapes, classes }) => {
    expect(() => recogniseHead({ shapes, size: [640, 640], classes })).toThrow(
      expect.objectContaining({
        code: 'unsupported-model',
        message: expect.stringContaining('yolov8'),
      }),
    )
  },
)
