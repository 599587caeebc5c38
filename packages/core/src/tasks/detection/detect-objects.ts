import { MixbitError } from '../../base/error.ts'
import type { JobContext, NamedTensors, Session } from '../../base/host.ts'
import { toFloat32 } from '../cast-tensor.ts'
import type { Placement } from '../letterbox.ts'
import { pictureFeeds } from '../picture-input.ts'
import type { PreprocessSpec } from '../preprocess.ts'
import type { TaskModel } from '../task-model.ts'
import { decodeSsd } from './decode-ssd.ts'
import type { SsdForm } from './decode-ssd.ts'
import type { HeadOutput } from './decode-yolo.ts'
import { decodeEndToEnd, decodeYolov5, decodeYolov8, decodeYolox } from './decode-yolo.ts'
import type { Head, HeadDefaults } from './heads.ts'
import { HEAD_DEFAULTS, recogniseHead } from './heads.ts'
import type { Candidates } from './suppress.ts'
import { suppress } from './suppress.ts'

/** What a data set says about a detector; what it leaves out is recognised or the head's default. */
export type DetectionSettings = {
  readonly head: Head | null
  readonly confidence: number | null
  readonly iou: number | null
  readonly mostFound: number | null
  readonly ssd: Partial<SsdForm>
}

export type DetectInput = {
  readonly model: TaskModel
  readonly imagePath: string
  /** Null: assumed from the shape of the model's input, with a letterbox for YOLO heads. */
  readonly preprocess: PreprocessSpec | null
  readonly settings: DetectionSettings
  /** How many classes the data set has, to recognise the head. */
  readonly classes: number
}

/** One object; `box` is left, top, width, height in pixels of the picture. */
export type Detection = {
  readonly box: readonly [number, number, number, number]
  readonly score: number
  /** As the model counts. */
  readonly class: number
}

export type DetectOutput = {
  /** Best first. */
  readonly found: readonly Detection[]
  readonly head: Head
  readonly preprocess: PreprocessSpec
  /** Boxes that were left out because they hold NaN or infinity. */
  readonly broken: number
}

/** The pool job `detect-objects`: the objects in one picture. */
export async function detectObjects(
  input: DetectInput,
  context: JobContext,
): Promise<DetectOutput> {
  const session = await context.session(input.model.file, input.model.options)
  const picture = await context.decodeImage(input.imagePath)
  const assumed = isSsd(session, input.settings) ? 'stretch' : 'letterbox'
  const prepared = pictureFeeds(session, picture, input.preprocess, assumed)
  const outputs = await session.run(prepared.feeds)
  const ordered = session.outputs.flatMap(({ name }) => outputs[name] ?? [])
  const shapes = ordered.map(({ shape }) => shape)
  const { size, spec } = prepared
  const head = input.settings.head ?? recogniseHead({ shapes, size, classes: input.classes })
  const limits = limitsOf(head, input.settings)
  const all = decode(head, outputs, ordered.map(headOutput), size, limits, input.settings.ssd)
  const candidates = finite(all)
  const kept = keptOf(candidates, limits)
  const found = kept.map((at) => toDetection(candidates, at, prepared.placement, picture))
  return { found, head, preprocess: spec, broken: all.scores.length - candidates.scores.length }
}

function isSsd(session: Session, settings: DetectionSettings): boolean {
  return settings.head === null ? session.outputs.length >= 3 : settings.head === 'ssd'
}

function limitsOf(head: Head, settings: DetectionSettings): HeadDefaults {
  const defaults = HEAD_DEFAULTS[head]
  return {
    confidence: settings.confidence ?? defaults.confidence,
    iou: settings.iou ?? defaults.iou,
    mostFound: settings.mostFound ?? defaults.mostFound,
    labels: defaults.labels,
  }
}

function headOutput(tensor: NamedTensors[string]): HeadOutput {
  return { values: toFloat32(tensor), shape: tensor.shape }
}

function decode(
  head: Head,
  outputs: NamedTensors,
  [first, ...others]: readonly HeadOutput[],
  size: readonly [number, number],
  limits: HeadDefaults,
  form: Partial<SsdForm>,
): Candidates {
  if (head === 'ssd') return decodeSsd(outputs, size, limits.confidence, form)
  if (
    first === undefined ||
    others.length > 0 ||
    first.shape.length !== 3 ||
    first.shape[0] !== 1
  ) {
    const shape = first?.shape.join(' x ') ?? 'none'
    throw new MixbitError(
      'unsupported-model',
      `A ${head} head has one output of shape 1 x n x m; the model's first of ${others.length + 1} has ${shape}.`,
      { head, shape },
    )
  }
  switch (head) {
    case 'yolov5':
      return decodeYolov5(first, limits)
    case 'yolov8':
      return decodeYolov8(first, limits)
    case 'yolox':
      return decodeYolox(first, size, limits)
    case 'end-to-end':
      return decodeEndToEnd(first, limits)
  }
}

/** Only candidates whose box is of real numbers; scores are, because NaN is above nothing. */
function finite({ boxes, scores, classes }: Candidates): Candidates {
  const kept = Array.from(scores.keys()).filter((at) =>
    boxes.subarray(at * 4, at * 4 + 4).every(Number.isFinite),
  )
  if (kept.length === scores.length) return { boxes, scores, classes }
  return {
    boxes: Float32Array.from(kept.flatMap((at) => [...boxes.subarray(at * 4, at * 4 + 4)])),
    scores: Float32Array.from(kept, (at) => scores[at] ?? 0),
    classes: kept.map((at) => classes[at] ?? 0),
  }
}

function keptOf(candidates: Candidates, { iou, mostFound }: HeadDefaults): readonly number[] {
  if (iou !== null) return suppress(candidates, { iou, mostFound })
  const { scores } = candidates
  const order = Array.from(scores.keys()).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
  return order.slice(0, mostFound)
}

/** Back to the pixels of the picture, cut at its edges. */
function toDetection(
  { boxes, scores, classes }: Candidates,
  at: number,
  place: Placement,
  picture: { readonly width: number; readonly height: number },
): Detection {
  const edge = (i: number): number => {
    const value = boxes[at * 4 + i] ?? 0
    const isAcross = i % 2 === 0
    const [offset, scale] = isAcross ? [place.left, place.scaleX] : [place.top, place.scaleY]
    const most = isAcross ? picture.width : picture.height
    return Math.max(0, Math.min(most, (value - offset) / scale))
  }
  const [left, top] = [edge(0), edge(1)]
  return {
    box: [left, top, edge(2) - left, edge(3) - top],
    score: scores[at] ?? 0,
    class: classes[at] ?? 0,
  }
}
