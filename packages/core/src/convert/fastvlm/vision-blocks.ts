import { ensure } from '../../base/error.ts'
import { float, int, ints } from '../../graph/builder.ts'
import {
  activation,
  addScaled,
  convolution,
  type FeatureMap,
  normalisedConvolution,
  type VisionImporter,
} from './feature-map.ts'
import { addWeight, linear, placeOf } from './layers.ts'
import { releasedName } from './names.ts'

/** FastViT's attention has heads of this size in every model (`mci.py`, class MHSA). */
const HEAD_DIM = 32

/** `mci.py`, class LayerNormChannel. */
const LAYER_NORM_EPSILON = 1e-5

/** A MobileOne block in inference form: convolution, squeeze-and-excite if there is one, GELU. */
export function mobileOneBlock(
  importer: VisionImporter,
  x: FeatureMap,
  layer: string,
  stride: 1 | 2,
): FeatureMap {
  const convolved = convolution(importer, x, `${layer}.reparam_conv`, stride)
  const excited = importer.tensors.hasUnder(`${layer}.se`)
    ? squeezeExcite(importer, convolved, `${layer}.se`)
    : convolved
  return activation(importer, excited, 'Gelu', placeOf(layer))
}

/** Halves the size: a large depthwise convolution of stride 2, then one over channels. */
export function patchEmbed(importer: VisionImporter, x: FeatureMap, layer: string): FeatureMap {
  const merged = convolution(importer, x, `${layer}.proj.0.lkb_reparam`, 2)
  const activated = activation(importer, merged, 'Gelu', placeOf(`${layer}.proj.0`))
  return mobileOneBlock(importer, activated, `${layer}.proj.1`, 1)
}

/** x = mixer(x); x + layer_scale * ffn(x). */
export function repMixerBlock(importer: VisionImporter, x: FeatureMap, layer: string): FeatureMap {
  const mixed = convolution(importer, x, `${layer}.token_mixer.reparam_conv`)
  const branch = convolutionalFfn(importer, mixed, `${layer}.convffn`)
  return addScaled(importer, mixed, branch, `${layer}.layer_scale`)
}

/** x + layer_scale_1 * attention(norm(x)), then the same with layer_scale_2 and the ffn. */
export function attentionBlock(importer: VisionImporter, x: FeatureMap, layer: string): FeatureMap {
  const attended = addScaled(importer, x, attention(importer, x, layer), `${layer}.layer_scale_1`)
  const branch = convolutionalFfn(importer, attended, `${layer}.convffn`)
  return addScaled(importer, attended, branch, `${layer}.layer_scale_2`)
}

/** Shape (batch, channels, height, width) to (batch, height * width, channels). */
export function toTokens({ graph }: VisionImporter, x: FeatureMap, at: string): string {
  const shape = graph.integers([0, x.channels, x.height * x.width])
  const flat = graph.call('Reshape', [x.value, shape], { at })
  return graph.call('Transpose', [flat], { at, attributes: { perm: ints([0, 2, 1]) } })
}

/** x * sigmoid(expand(relu(reduce(mean of x over the picture)))). */
function squeezeExcite(importer: VisionImporter, x: FeatureMap, layer: string): FeatureMap {
  const { graph } = importer
  const at = placeOf(layer)
  const mean = graph.call('ReduceMean', [x.value, graph.integers([2, 3])], {
    at,
    attributes: { keepdims: int(1) },
  })
  const pooled: FeatureMap = { value: mean, channels: x.channels, height: 1, width: 1 }
  const reduced = activation(importer, convolution(importer, pooled, `${layer}.reduce`), 'Relu', at)
  const expanded = sameChannels(
    convolution(importer, reduced, `${layer}.expand`),
    x,
    `${layer}.expand`,
  )
  const gate = activation(importer, expanded, 'Sigmoid', at)
  return { ...x, value: graph.call('Mul', [x.value, gate.value], { at }) }
}

function convolutionalFfn(importer: VisionImporter, x: FeatureMap, layer: string): FeatureMap {
  const spread = normalisedConvolution(importer, x, `${layer}.conv.conv`, `${layer}.conv.bn`)
  const hidden = convolution(importer, spread, `${layer}.fc1`)
  const activated = activation(importer, hidden, 'Gelu', placeOf(layer))
  return sameChannels(convolution(importer, activated, `${layer}.fc2`), x, `${layer}.fc2`)
}

/** A branch is added to its input or multiplies it, so both must have the same channels. */
function sameChannels(branch: FeatureMap, x: FeatureMap, layer: string): FeatureMap {
  const tensor = releasedName(`${layer}.weight`)
  ensure(
    branch.channels === x.channels,
    'wrong-shape',
    `"${tensor}" has ${branch.channels} outputs; the model needs ${x.channels}.`,
    { tensor, channels: branch.channels, expected: x.channels },
  )
  return branch
}

/** Multi-head self-attention over all places of the picture, normalised before. */
function attention(importer: VisionImporter, x: FeatureMap, block: string): FeatureMap {
  const { graph } = importer
  const { channels, height, width } = x
  const layer = `${block}.token_mixer`
  const at = placeOf(layer)
  const size = { inputs: channels, outputs: channels }
  const tokens = layerNorm(
    importer,
    toTokens(importer, x, placeOf(block)),
    `${block}.norm`,
    channels,
  )
  const mixed = attendTokens(importer, tokens, layer, { channels, tokens: height * width })
  const projected = linear(importer, mixed, `${layer}.proj`, size, 'required')
  const columns = graph.call('Transpose', [projected], {
    at,
    attributes: { perm: ints([0, 2, 1]) },
  })
  const shape = graph.integers([0, channels, height, width])
  return { ...x, value: graph.call('Reshape', [columns, shape], { at }) }
}

/** softmax(q * 32^-0.5 * transpose(k)) * v for each head; shape (batch, tokens, channels). */
function attendTokens(
  importer: VisionImporter,
  x: string,
  layer: string,
  size: { readonly channels: number; readonly tokens: number },
): string {
  const { graph } = importer
  const { channels, tokens } = size
  const at = placeOf(layer)
  const heads = channels / HEAD_DIM
  ensure(
    Number.isInteger(heads),
    'unsupported-model',
    `"${layer}" has ${channels} channels; attention needs a multiple of ${HEAD_DIM}.`,
    { layer, channels, headDim: HEAD_DIM },
  )
  const qkvSize = { inputs: channels, outputs: 3 * channels }
  const qkv = linear(importer, x, `${layer}.qkv`, qkvSize, 'optional')
  const parts = graph.callMany('Split', [qkv], 3, {
    at,
    attributes: { axis: int(-1), num_outputs: int(3) },
  })
  const [q = '', k = '', v = ''] = parts.map((part, i) => {
    const split = graph.call('Reshape', [part, graph.integers([0, tokens, heads, HEAD_DIM])], {
      at,
    })
    // Keys are transposed for the product with queries.
    const perm = ints(i === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3])
    return graph.call('Transpose', [split], { at, attributes: { perm } })
  })
  const scaled = graph.call('Mul', [q, graph.float(HEAD_DIM ** -0.5)], { at })
  const scores = graph.call('MatMul', [scaled, k], { at })
  const weights = graph.call('Softmax', [scores], { at, attributes: { axis: int(-1) } })
  const mixed = graph.call('MatMul', [weights, v], { at })
  const perTokens = graph.call('Transpose', [mixed], {
    at,
    attributes: { perm: ints([0, 2, 1, 3]) },
  })
  return graph.call('Reshape', [perTokens, graph.integers([0, tokens, channels])], { at })
}

function layerNorm(importer: VisionImporter, x: string, layer: string, channels: number): string {
  const { graph, tensors } = importer
  const gamma = addWeight(importer, `${layer}.weight`, tensors.take(`${layer}.weight`, [channels]))
  const beta = addWeight(importer, `${layer}.bias`, tensors.take(`${layer}.bias`, [channels]))
  return graph.call('LayerNormalization', [x, gamma, beta], {
    at: placeOf(layer),
    attributes: { axis: int(-1), epsilon: float(LAYER_NORM_EPSILON) },
  })
}
