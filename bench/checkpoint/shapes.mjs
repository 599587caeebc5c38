// The tensors of a FastVLM checkpoint: names and shapes, as the released files have them.

/** FastViTHD, and the Qwen2 of each size; https://github.com/apple/ml-fastvlm and the model cards. */
const fastVitHd = {
  depths: [2, 12, 24, 4, 2],
  dims: [96, 192, 384, 768, 1536],
  mixers: ['repmixer', 'repmixer', 'repmixer', 'attention', 'attention'],
  expansion: 2,
}
export const models = {
  '0.5B': {
    vision: fastVitHd,
    text: { hidden: 896, layers: 24, heads: 14, kvHeads: 2, headDim: 64, intermediate: 4864 },
    vocabularyRows: 151646,
    /** Parameters with the table tied and without the unused head.proj. */
    parameters: 620_044_256,
  },
  '1.5B': {
    vision: fastVitHd,
    text: { hidden: 1536, layers: 28, heads: 12, kvHeads: 2, headDim: 128, intermediate: 8960 },
    vocabularyRows: 151646,
    parameters: 1_673_064_032,
  },
}

const tower = 'model.vision_tower.vision_tower.model'

/**
 * Lists every tensor as {name, shape, kind}. `kind` says what its values look like (values.mjs);
 * `buffer` kinds are no parameters.
 */
export function checkpointTensors({ vision, text, vocabularyRows }, isUntied) {
  const { hidden } = text
  const features = vision.dims.at(-1) * vision.expansion
  return [
    ...visionTensors(vision, features),
    ...linear('model.mm_projector.0', hidden, features),
    ...linear('model.mm_projector.2', hidden, hidden),
    tensor('model.embed_tokens.weight', [vocabularyRows, hidden], 'table'),
    ...range(text.layers).flatMap((layer) => decoderLayer(`model.layers.${layer}`, text)),
    tensor('model.norm.weight', [hidden], 'norm'),
    ...(isUntied ? [tensor('lm_head.weight', [vocabularyRows, hidden], 'table')] : []),
  ]
}

/** Values that training learns: running statistics and counters are not among them. */
export function countParameters(tensors) {
  const learned = tensors.filter(({ name }) => !/\.(running_\w+|num_batches_tracked)$/.test(name))
  return learned.reduce((sum, { shape }) => sum + elementCount(shape), 0)
}

export function elementCount(shape) {
  return shape.reduce((product, size) => product * size, 1)
}

function visionTensors(vision, features) {
  const { dims } = vision
  const last = dims.at(-1)
  const squeezed = features / 16
  return [
    ...conv(`${tower}.patch_embed.0.reparam_conv`, [dims[0], 3, 3, 3]),
    ...conv(`${tower}.patch_embed.1.reparam_conv`, [dims[0], 1, 3, 3]),
    ...conv(`${tower}.patch_embed.2.reparam_conv`, [dims[0], dims[0], 1, 1]),
    ...networkTensors(vision),
    ...conv(`${tower}.conv_exp.reparam_conv`, [last * vision.expansion, 1, 3, 3]),
    ...conv(`${tower}.conv_exp.se.reduce`, [squeezed, features, 1, 1]),
    ...conv(`${tower}.conv_exp.se.expand`, [features, squeezed, 1, 1]),
  ]
}

/** Stages, with a patch embedding between two, and a positional convolution before attention. */
function networkTensors({ depths, dims, mixers }) {
  const tensors = []
  let index = 0
  for (const [stage, depth] of depths.entries()) {
    const channels = dims[stage]
    if (mixers[stage] === 'attention') {
      tensors.push(...identityConv(`${tower}.network.${index++}.reparam_conv`, channels, 7))
    }
    const block = mixers[stage] === 'attention' ? attentionBlock : repMixerBlock
    for (const i of range(depth)) tensors.push(...block(`${tower}.network.${index}.${i}`, channels))
    index++
    if (stage + 1 < depths.length) {
      tensors.push(...patchEmbedding(`${tower}.network.${index++}.proj`, dims[stage + 1]))
    }
  }
  return tensors
}

function repMixerBlock(name, channels) {
  return [
    ...identityConv(`${name}.token_mixer.reparam_conv`, channels, 3),
    ...convFfn(`${name}.convffn`, channels),
    tensor(`${name}.layer_scale`, [channels, 1, 1], 'layer-scale'),
  ]
}

function attentionBlock(name, channels) {
  return [
    tensor(`${name}.norm.weight`, [channels], 'norm'),
    tensor(`${name}.norm.bias`, [channels], 'bias'),
    tensor(`${name}.token_mixer.qkv.weight`, [3 * channels, channels], 'weight'),
    ...linear(`${name}.token_mixer.proj`, channels, channels),
    ...convFfn(`${name}.convffn`, channels),
    tensor(`${name}.layer_scale_1`, [channels, 1, 1], 'layer-scale'),
    tensor(`${name}.layer_scale_2`, [channels, 1, 1], 'layer-scale'),
  ]
}

function convFfn(name, channels) {
  return [
    tensor(`${name}.conv.conv.weight`, [channels, 1, 7, 7], 'weight'),
    tensor(`${name}.conv.bn.weight`, [channels], 'norm'),
    tensor(`${name}.conv.bn.bias`, [channels], 'bias'),
    tensor(`${name}.conv.bn.running_mean`, [channels], 'bias'),
    tensor(`${name}.conv.bn.running_var`, [channels], 'variance'),
    tensor(`${name}.conv.bn.num_batches_tracked`, [], 'counter'),
    ...conv(`${name}.fc1`, [4 * channels, channels, 1, 1]),
    ...conv(`${name}.fc2`, [channels, 4 * channels, 1, 1]),
  ]
}

/** Halves the picture: a depthwise convolution to twice the channels, then 1 x 1. */
function patchEmbedding(name, channels) {
  return [
    ...conv(`${name}.0.lkb_reparam`, [channels, 1, 7, 7]),
    ...conv(`${name}.1.reparam_conv`, [channels, channels, 1, 1]),
  ]
}

function decoderLayer(name, { hidden, heads, kvHeads, headDim, intermediate }) {
  return [
    tensor(`${name}.input_layernorm.weight`, [hidden], 'norm'),
    ...linear(`${name}.self_attn.q_proj`, heads * headDim, hidden),
    ...linear(`${name}.self_attn.k_proj`, kvHeads * headDim, hidden),
    ...linear(`${name}.self_attn.v_proj`, kvHeads * headDim, hidden),
    tensor(`${name}.self_attn.o_proj.weight`, [hidden, heads * headDim], 'weight'),
    tensor(`${name}.post_attention_layernorm.weight`, [hidden], 'norm'),
    tensor(`${name}.mlp.gate_proj.weight`, [intermediate, hidden], 'weight'),
    tensor(`${name}.mlp.up_proj.weight`, [intermediate, hidden], 'weight'),
    tensor(`${name}.mlp.down_proj.weight`, [hidden, intermediate], 'weight'),
  ]
}

function linear(name, outputs, inputs) {
  return conv(name, [outputs, inputs])
}

function conv(name, shape) {
  return [tensor(`${name}.weight`, shape, 'weight'), tensor(`${name}.bias`, [shape[0]], 'bias')]
}

/** A depthwise convolution into which a skip connection was folded: 1 in the middle. */
function identityConv(name, channels, kernel) {
  return [
    tensor(`${name}.weight`, [channels, 1, kernel, kernel], 'identity-conv'),
    tensor(`${name}.bias`, [channels], 'bias'),
  ]
}

function tensor(name, shape, kind) {
  return { name, shape, kind }
}

function range(length) {
  return Array.from({ length }, (_, i) => i)
}
