import { MixbitError } from '../../base/error.ts'
import { graphBuilder } from '../../graph/builder.ts'
import type { Graph } from '../../graph/graph.ts'
import type { FastvlmConfig } from './config.ts'
import { convLayout, convolution, type FeatureMap, type VisionImporter } from './feature-map.ts'
import { linear } from './layers.ts'
import { releasedName } from './names.ts'
import type { Tensors } from './tensors.ts'
import {
  attentionBlock,
  mobileOneBlock,
  patchEmbed,
  repMixerBlock,
  toTokens,
} from './vision-blocks.ts'

/** The graph from pixels to visual tokens, and how many of these there are. */
export type VisionEncoder = {
  readonly graph: Graph
  readonly imageTokens: number
  /** Pixels of one side of the square that becomes a token. */
  readonly patchSize: number
}

/** `mci.py`: both strided blocks of the stem halve the size; the third keeps it. */
const STEM_STRIDES = [2, 2, 1] as const

/**
 * Builds FastViTHD and the projector behind it. Depths, widths, kernel sizes, mixers and
 * positional encodings follow from the tensors.
 *
 * Input `pixel_values` float32 (batch_size, 3, height, width), RGB in [0, 1];
 * output `image_features` float32 (batch_size, tokens, hidden size).
 *
 * @see https://github.com/apple/ml-fastvlm/blob/main/llava/model/multimodal_encoder/mobileclip/mci.py
 */
export function buildVisionEncoder(
  tensors: Tensors,
  config: FastvlmConfig,
  opset: number,
): VisionEncoder {
  const graph = graphBuilder('vision_encoder', opset)
  const { height, width } = config.imageSize
  const pixels = graph.input('pixel_values', 'float32', ['batch_size', 3, height, width])
  const importer: VisionImporter = { graph, tensors, layout: convLayout(tensors) }
  let x: FeatureMap = { value: pixels, channels: 3, height, width }
  for (const [i, stride] of STEM_STRIDES.entries()) {
    x = mobileOneBlock(importer, x, `vision_encoder.patch_embed.${i}`, stride)
  }
  x = network(importer, x)
  x = mobileOneBlock(importer, x, 'vision_encoder.conv_exp', 1)
  const features = projector(importer, x, config)
  const imageTokens = x.height * x.width
  graph.output(features, 'image_features', 'float32', [
    'batch_size',
    imageTokens,
    config.hiddenSize,
  ])
  return { graph: graph.build(), imageTokens, patchSize: Math.floor(height / x.height) }
}

/** The list of stages, downsampling and positional encodings. */
function network(importer: VisionImporter, input: FeatureMap): FeatureMap {
  const { tensors } = importer
  let x = input
  const modules = Math.max(1, tensors.countUnder('vision_encoder.network'))
  for (let i = 0; i < modules; i++) {
    const layer = `vision_encoder.network.${i}`
    if (tensors.hasUnder(`${layer}.proj`)) x = patchEmbed(importer, x, layer)
    else if (tensors.hasUnder(`${layer}.reparam_conv`)) {
      x = convolution(importer, x, `${layer}.reparam_conv`)
    } else x = stage(importer, x, layer)
  }
  return x
}

function stage(importer: VisionImporter, input: FeatureMap, layer: string): FeatureMap {
  const { tensors } = importer
  let x = input
  const blocks = Math.max(1, tensors.countUnder(layer))
  for (let j = 0; j < blocks; j++) {
    const block = `${layer}.${j}`
    if (tensors.hasUnder(`${block}.token_mixer.reparam_conv`)) x = repMixerBlock(importer, x, block)
    else if (isAttention(tensors, block)) x = attentionBlock(importer, x, block)
    else throw noMixer(block)
  }
  return x
}

/** Also when a tensor is missing, so that the message names the right one. */
function isAttention(tensors: Tensors, block: string): boolean {
  return tensors.hasUnder(`${block}.token_mixer.qkv`) || tensors.hasUnder(`${block}.norm`)
}

function noMixer(block: string): MixbitError {
  const released = releasedName(`${block}.token_mixer.reparam_conv.weight`)
  return new MixbitError(
    'missing-tensor',
    `The checkpoint lacks "${released}" or "${releasedName(`${block}.token_mixer.qkv.weight`)}", ` +
      'so the kind of this block is unknown.',
    { tensor: released, layer: block },
  )
}

/** Linear layers fusion_layers.0, .2, and so on, with GELU between them. */
function projector(importer: VisionImporter, x: FeatureMap, config: FastvlmConfig): string {
  const { graph } = importer
  const outputs = config.hiddenSize
  const bias = config.projectorHasBias ? 'required' : 'none'
  let value = toTokens(importer, x, 'projector')
  let inputs = x.channels
  for (let i = 0; i < config.projectorLayers; i++) {
    if (i > 0) value = graph.call('Gelu', [value], { at: 'projector' })
    value = linear(importer, value, `fusion_layers.${2 * i}`, { inputs, outputs }, bias)
    inputs = outputs
  }
  return value
}
