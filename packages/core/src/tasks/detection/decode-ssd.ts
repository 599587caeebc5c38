import { ensure } from '../../base/error.ts'
import type { NamedTensors, RuntimeTensor } from '../../base/host.ts'
import { toFloat32 } from '../cast-tensor.ts'
import type { Candidates } from './suppress.ts'

/** How an SSD-like model gives its boxes, where that is not in their names. */
export type SsdForm = {
  readonly corners: 'xyxy' | 'yxyx'
  readonly unit: 'pixels' | 'fraction'
}

const NAMES = {
  boxes: /box/i,
  scores: /score|conf|prob/i,
  classes: /class|label/i,
  count: /num|count/i,
}

/**
 * Reads boxes (1, n, 4), scores (1, n), classes (1, n) and perhaps their number, told apart by
 * their names. TensorFlow's `detection_boxes` are top, left, bottom, right as fractions; all others
 * are taken as left, top, right, bottom in pixels, as torchvision gives them, unless `form` says
 * otherwise.
 */
export function decodeSsd(
  outputs: NamedTensors,
  [height, width]: readonly [number, number],
  confidence: number,
  form: Partial<SsdForm>,
): Candidates {
  const boxesName = nameOf(outputs, 'boxes')
  const scores = valuesOf(outputs, nameOf(outputs, 'scores'))
  const classes = valuesOf(outputs, nameOf(outputs, 'classes'))
  const boxes = valuesOf(outputs, boxesName)
  const count = numberOf(outputs, scores.length)
  ensure(
    boxes.length === scores.length * 4 && classes.length === scores.length,
    'unsupported-model',
    `The model gives ${boxes.length / 4} boxes, ${scores.length} scores and ${classes.length} ` +
      'classes; there must be one score and one class a box. Scores of every class are not supported.',
    { boxes: boxes.length / 4, scores: scores.length, classes: classes.length },
  )
  const isTensorFlow = /detection_boxes/i.test(boxesName)
  const corners = form.corners ?? (isTensorFlow ? 'yxyx' : 'xyxy')
  const unit = form.unit ?? (isTensorFlow ? 'fraction' : 'pixels')
  const [across, down] = unit === 'fraction' ? [width, height] : [1, 1]
  const order = corners === 'xyxy' ? [0, 1, 2, 3] : [1, 0, 3, 2]
  const kept = Array.from(scores.keys())
    .slice(0, count)
    .filter((at) => (scores[at] ?? 0) > confidence)
  return {
    boxes: Float32Array.from(
      kept.flatMap((at) =>
        order.map((place, i) => (boxes[at * 4 + place] ?? 0) * (i % 2 === 0 ? across : down)),
      ),
    ),
    scores: Float32Array.from(kept, (at) => scores[at] ?? 0),
    classes: kept.map((at) => classes[at] ?? 0),
  }
}

function nameOf(outputs: NamedTensors, what: 'boxes' | 'scores' | 'classes'): string {
  const names = Object.keys(outputs)
  const isBox = (name: string): boolean =>
    NAMES.boxes.test(name) && outputs[name]?.shape.at(-1) === 4
  const found = names.filter((name) =>
    what === 'boxes' ? isBox(name) : NAMES[what].test(name) && !isBox(name),
  )
  const [first] = found
  ensure(
    first !== undefined && found.length === 1,
    'unsupported-model',
    `The detector's outputs are ${names.join(', ')}; which one holds the ${what} cannot be told. ` +
      'Rename them to boxes, scores and classes.',
    { outputs: names },
  )
  return first
}

function numberOf(outputs: NamedTensors, most: number): number {
  const name = Object.keys(outputs).find(
    (each) => NAMES.count.test(each) && outputs[each]?.data.length === 1,
  )
  if (name === undefined) return most
  return Math.max(0, Math.min(most, Math.trunc(valuesOf(outputs, name)[0] ?? 0)))
}

function valuesOf(outputs: NamedTensors, name: string): Float32Array {
  const tensor: RuntimeTensor | undefined = outputs[name]
  return tensor === undefined ? new Float32Array(0) : toFloat32(tensor)
}
