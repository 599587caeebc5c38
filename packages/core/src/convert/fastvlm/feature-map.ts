import { ensure } from '../../base/error.ts'
import { int, ints } from '../../graph/builder.ts'
import { type BatchNorm, foldBatchNorm } from '../../tensor/derive-batch-norm.ts'
import { channelsFirst, reshaped } from '../../tensor/derive.ts'
import type { Weight } from '../../tensor/weight.ts'
import { addWeight, type Importer, placeOf } from './layers.ts'
import type { Tensors } from './tensors.ts'

/** A value of shape (batch, channels, height, width); only the batch is known at run time. */
export type FeatureMap = {
  readonly value: string
  readonly channels: number
  readonly height: number
  readonly width: number
}

/** Order of axes of convolution weights: PyTorch's, or MLX's with input channels last. */
export type ConvLayout = 'out-in-height-width' | 'out-height-width-in'

export type VisionImporter = Importer & { readonly layout: ConvLayout }

/** PyTorch's default for BatchNorm2d, which FastViT keeps. */
const BATCH_NORM_EPSILON = 1e-5

/**
 * Tells the layout from the second convolution of the stem, which is depthwise: its one input
 * channel stands at the end only in MLX's order.
 */
export function convLayout(tensors: Tensors): ConvLayout {
  const name = 'vision_encoder.patch_embed.1.reparam_conv.weight'
  const { shape } = tensors.take(name, ['any', 'any', 'any', 'any'])
  const [, second = 0, , last = 0] = shape
  return last === 1 && second > 1 ? 'out-height-width-in' : 'out-in-height-width'
}

/** A convolution with its bias, padded so that stride 1 keeps the size; groups as the shape says. */
export function convolution(
  importer: VisionImporter,
  x: FeatureMap,
  layer: string,
  stride: 1 | 2 = 1,
): FeatureMap {
  const weight = convWeight(importer, layer)
  const bias = importer.tensors.take(`${layer}.bias`, weight.shape.slice(0, 1))
  return addConvolution(importer, x, layer, { weight, bias, stride })
}

/** A convolution without bias, followed by a batch norm that is folded into it. */
export function normalisedConvolution(
  importer: VisionImporter,
  x: FeatureMap,
  layer: string,
  norm: string,
): FeatureMap {
  const weight = convWeight(importer, layer)
  const shape = weight.shape.slice(0, 1)
  const statistics: BatchNorm = {
    gamma: importer.tensors.take(`${norm}.weight`, shape),
    beta: importer.tensors.take(`${norm}.bias`, shape),
    mean: importer.tensors.take(`${norm}.running_mean`, shape),
    variance: importer.tensors.take(`${norm}.running_var`, shape),
    epsilon: BATCH_NORM_EPSILON,
  }
  const folded = foldBatchNorm(weight, undefined, statistics)
  return addConvolution(importer, x, layer, { ...folded, stride: 1 })
}

/** Applies an operator of one input that keeps the shape. */
export function activation(
  { graph }: Importer,
  x: FeatureMap,
  op: 'Gelu' | 'Relu' | 'Sigmoid',
  at: string,
): FeatureMap {
  return { ...x, value: graph.call(op, [x.value], { at }) }
}

/** x + scale * branch, with one trained scale a channel. */
export function addScaled(
  importer: Importer,
  x: FeatureMap,
  branch: FeatureMap,
  layer: string,
): FeatureMap {
  const at = placeOf(layer)
  const scale = channelVector(importer, layer, x.channels)
  const scaled = importer.graph.call('Mul', [branch.value, scale], { at })
  return { ...x, value: importer.graph.call('Add', [x.value, scaled], { at }) }
}

/** A trained value a channel, as (channels, 1, 1) whatever way the checkpoint has it. */
function channelVector(importer: Importer, layer: string, channels: number): string {
  const { tensors } = importer
  const shape = [channels, 1, 1]
  const stored = [[1, 1, channels], [channels]].find((other) => tensors.fits(layer, other))
  return addWeight(importer, layer, reshaped(tensors.take(layer, stored ?? shape), shape))
}

/** The convolution's weight in ONNX's order. */
function convWeight({ tensors, layout }: VisionImporter, layer: string): Weight {
  const weight = tensors.take(`${layer}.weight`, ['any', 'any', 'any', 'any'])
  if (layout === 'out-in-height-width') return weight
  const [outputs = 0, height = 0, width = 0, inputs = 0] = weight.shape
  // Moving an axis of one element moves no value, so the stored bytes stay readable.
  return inputs === 1 || height * width === 1
    ? reshaped(weight, [outputs, inputs, height, width])
    : channelsFirst(weight)
}

function addConvolution(
  importer: VisionImporter,
  x: FeatureMap,
  layer: string,
  conv: { readonly weight: Weight; readonly bias: Weight; readonly stride: 1 | 2 },
): FeatureMap {
  const { weight, bias, stride } = conv
  const [channels = 0, inputs = 0, kernelHeight = 0, kernelWidth = 0] = weight.shape
  const group = x.channels / inputs
  ensure(
    Number.isInteger(group) &&
      channels % group === 0 &&
      kernelHeight % 2 === 1 &&
      kernelWidth % 2 === 1,
    'wrong-shape',
    `"${weight.name}" has shape [${weight.shape.join(', ')}]; with ${x.channels} input channels ` +
      'the model needs [outputs, channels / groups, odd, odd].',
    { tensor: weight.name, shape: weight.shape, channels: x.channels },
  )
  const [padY, padX] = [(kernelHeight - 1) / 2, (kernelWidth - 1) / 2]
  const value = importer.graph.call(
    'Conv',
    [
      x.value,
      addWeight(importer, `${layer}.weight`, weight),
      addWeight(importer, `${layer}.bias`, bias),
    ],
    {
      at: placeOf(layer),
      attributes: {
        kernel_shape: ints([kernelHeight, kernelWidth]),
        strides: ints([stride, stride]),
        pads: ints([padY, padX, padY, padX]),
        group: int(group),
      },
    },
  )
  const height = Math.floor((x.height - 1) / stride) + 1
  const width = Math.floor((x.width - 1) / stride) + 1
  return { value, channels, height, width }
}
