import { MixbitError, ensure } from '../base/error.ts'
import type { NamedTensors, Picture, RuntimeTensor, Session, SessionValue } from '../base/host.ts'
import { castTensor } from './cast-tensor.ts'
import type { Placement } from './letterbox.ts'
import { letterboxPlacement } from './letterbox.ts'
import type { PreprocessSpec } from './preprocess.ts'
import { preprocessPicture, shortestEdgeSize } from './preprocess.ts'

/** How a picture is brought to size where nobody said it. */
export type AssumedResize = 'stretch' | 'letterbox'

/** A picture as the feeds of a model, and how it was made. */
export type PictureFeeds = {
  readonly feeds: NamedTensors
  readonly spec: PreprocessSpec
  /** Height and width of the model's input. */
  readonly size: readonly [height: number, width: number]
  readonly placement: Placement
}

/** Largest edge of an input whose size comes from a model file. */
const LARGEST_EDGE = 4096

/**
 * Prepares one picture for a model with one picture as its input.
 *
 * @param spec - the steps; without them they are assumed from the input's shape
 */
export function pictureFeeds(
  session: Session,
  picture: Picture,
  spec: PreprocessSpec | null,
  assumed: AssumedResize,
): PictureFeeds {
  const input = pictureInput(session)
  const steps = spec ?? assumedPreprocess(input, assumed)
  const tensor = preprocessPicture(picture, steps)
  ensureFits(input, tensor)
  const [, a = 0, b = 0, c = 0] = tensor.shape
  return {
    feeds: { [input.name]: castTensor(tensor, input.dtype, input.name, 'nearest') },
    spec: steps,
    size: steps.layout === 'NCHW' ? [b, c] : [a, b],
    placement: placementOf(picture, steps),
  }
}

function pictureInput({ inputs }: Session): SessionValue {
  const [input] = inputs
  ensure(
    input !== undefined && inputs.length === 1 && input.shape.length === 4,
    'unsupported-model',
    'The model must have one input with four axes for a picture; it has ' +
      `${inputs.map(({ name, shape }) => `"${name}" (${shape.join(' x ')})`).join(', ')}. ` +
      'Give its inputs as a data set of kind tensors.',
    { inputs: inputs.map(({ name }) => name) },
  )
  return input
}

/**
 * Preprocessing from the input's shape alone: colours as RGB (grey for one channel) times 1/255,
 * or pixels as they are for an integer input.
 */
function assumedPreprocess(input: SessionValue, assumed: AssumedResize): PreprocessSpec {
  const { shape, dtype } = input
  const layout = layoutOf(shape)
  const [channels, height, width] =
    layout === 'NCHW' ? [shape[1], shape[2], shape[3]] : [shape[3], shape[1], shape[2]]
  ensure(
    isEdge(height) && isEdge(width),
    'unsupported-model',
    `The model's input "${input.name}" has the shape ${shape.join(' x ')}, which does not say the ` +
      'size of a picture. Give "preprocess" with "size" in the dataset descriptor.',
    { input: input.name, shape },
  )
  const isInteger = dtype === 'uint8' || dtype === 'int8' || dtype === 'int32'
  return {
    layout,
    colour: channels === 1 ? 'grey' : 'RGB',
    resize:
      assumed === 'letterbox'
        ? { kind: 'letterbox', height, width, place: 'center' }
        : { kind: 'stretch', height, width },
    filter: 'bilinear',
    scale: isInteger ? 1 : 1 / 255,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  }
}

function isEdge(size: number | string | undefined): size is number {
  return typeof size === 'number' && size > 0 && size <= LARGEST_EDGE
}

function layoutOf(shape: readonly (number | string)[]): 'NCHW' | 'NHWC' {
  if (shape[1] === 3 || shape[1] === 1) return 'NCHW'
  if (shape[3] === 3 || shape[3] === 1) return 'NHWC'
  throw new MixbitError(
    'unsupported-model',
    `The model's input has the shape ${shape.join(' x ')}; no axis with 1 or 3 channels is known. ` +
      'Give "preprocess" in the dataset descriptor.',
    { shape },
  )
}

function ensureFits(input: SessionValue, tensor: RuntimeTensor): void {
  const fits = input.shape.every(
    (size, axis) => typeof size !== 'number' || size <= 0 || size === tensor.shape[axis],
  )
  ensure(
    fits,
    'wrong-shape',
    `The model's input "${input.name}" takes ${input.shape.join(' x ')}; preprocessing gives ` +
      `${tensor.shape.join(' x ')}. Correct "preprocess" in the dataset descriptor.`,
    { input: input.name, wanted: input.shape, found: tensor.shape },
  )
}

/** Where the picture lies in the input, to bring boxes back to the picture. */
export function placementOf(
  picture: { readonly width: number; readonly height: number },
  { resize, crop }: PreprocessSpec,
): Placement {
  if (resize.kind === 'letterbox') return letterboxPlacement(picture, resize)
  const size = resize.kind === 'shortest-edge' ? shortestEdgeSize(picture, resize.pixels) : picture
  const { width, height } = resize.kind === 'stretch' ? resize : size
  return {
    scaleX: width / picture.width,
    scaleY: height / picture.height,
    left: crop ? -Math.floor((width - crop.width) / 2) : 0,
    top: crop ? -Math.floor((height - crop.height) / 2) : 0,
  }
}
