import { expect, test } from 'vitest'

import { elementsOf, type Weight } from '../../tensor/weight.ts'
import { type FastvlmModel, importFastvlm } from './import-fastvlm.ts'

/** A tensor whose values nobody may read: graphs follow from names and shapes alone. */
function unread(name: string, shape: readonly number[]): readonly [string, Weight] {
  const readRows = (): Promise<never> => Promise.reject(new TypeError(`"${name}" was read`))
  return [name, { name, dtype: 'float16', shape, readRows }]
}

const TOWER = 'model.vision_tower.vision_tower.model.'

type Shapes = Readonly<Record<string, readonly number[]>>

/** Names and shapes of Apple's released FastViTHD, from `mci.py` and `mobileclip_l.json`. */
function fastVitHd(): Shapes {
  const depths = [2, 12, 24, 4, 2]
  const widths = [96, 192, 384, 768, 1536]
  const stages = [0, 2, 4, 7, 10]
  const shapes: Record<string, readonly number[]> = {}
  const conv = (name: string, shape: readonly number[]): void => {
    shapes[`${TOWER}${name}.weight`] = shape
    shapes[`${TOWER}${name}.bias`] = shape.slice(0, 1)
  }
  conv('patch_embed.0.reparam_conv', [96, 3, 3, 3])
  conv('patch_embed.1.reparam_conv', [96, 1, 3, 3])
  conv('patch_embed.2.reparam_conv', [96, 96, 1, 1])
  for (const [stage, width] of widths.entries()) {
    const index = stages[stage] ?? 0
    for (let j = 0; j < (depths[stage] ?? 0); j++) {
      const block = `network.${index}.${j}`
      Object.assign(shapes, block7(`${TOWER}${block}`, width, stage < 3))
      conv(`${block}.convffn.fc1`, [4 * width, width, 1, 1])
      conv(`${block}.convffn.fc2`, [width, 4 * width, 1, 1])
    }
    if (stage >= 3) conv(`network.${index - 1}.reparam_conv`, [width, 1, 7, 7])
    const next = widths[stage + 1]
    if (next === undefined) continue
    conv(`network.${index + 1}.proj.0.lkb_reparam`, [next, 1, 7, 7])
    conv(`network.${index + 1}.proj.1.reparam_conv`, [next, next, 1, 1])
  }
  conv('conv_exp.reparam_conv', [3072, 1, 3, 3])
  conv('conv_exp.se.reduce', [192, 3072, 1, 1])
  conv('conv_exp.se.expand', [3072, 192, 1, 1])
  shapes[`${TOWER}head.proj`] = [3072, 768]
  return shapes
}

/** The parts of a block that are no 1 x 1 convolutions. */
function block7(block: string, width: number, isRepMixer: boolean): Shapes {
  const norm = Object.fromEntries(
    ['weight', 'bias', 'running_mean', 'running_var'].map((part) => [
      `${block}.convffn.conv.bn.${part}`,
      [width],
    ]),
  )
  const mixer: Shapes = isRepMixer
    ? {
        [`${block}.token_mixer.reparam_conv.weight`]: [width, 1, 3, 3],
        [`${block}.token_mixer.reparam_conv.bias`]: [width],
        [`${block}.layer_scale`]: [width, 1, 1],
      }
    : {
        [`${block}.norm.weight`]: [width],
        [`${block}.norm.bias`]: [width],
        [`${block}.token_mixer.qkv.weight`]: [3 * width, width],
        [`${block}.token_mixer.proj.weight`]: [width, width],
        [`${block}.token_mixer.proj.bias`]: [width],
        [`${block}.layer_scale_1`]: [width, 1, 1],
        [`${block}.layer_scale_2`]: [width, 1, 1],
      }
  return { ...mixer, ...norm, [`${block}.convffn.conv.conv.weight`]: [width, 1, 7, 7] }
}

function qwen2(size: {
  readonly hidden: number
  readonly layers: number
  readonly kv: number
  readonly ffn: number
  readonly rows: number
}): Shapes {
  const { hidden, layers, kv, ffn, rows } = size
  const shapes: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [rows, hidden],
    'model.norm.weight': [hidden],
    'model.mm_projector.0.weight': [hidden, 3072],
    'model.mm_projector.0.bias': [hidden],
    'model.mm_projector.2.weight': [hidden, hidden],
    'model.mm_projector.2.bias': [hidden],
  }
  for (let i = 0; i < layers; i++) {
    const layer = `model.layers.${i}`
    for (const [name, outputs] of [
      ['q', hidden],
      ['k', kv],
      ['v', kv],
    ] as const) {
      shapes[`${layer}.self_attn.${name}_proj.weight`] = [outputs, hidden]
      shapes[`${layer}.self_attn.${name}_proj.bias`] = [outputs]
    }
    shapes[`${layer}.self_attn.o_proj.weight`] = [hidden, hidden]
    shapes[`${layer}.mlp.gate_proj.weight`] = [ffn, hidden]
    shapes[`${layer}.mlp.up_proj.weight`] = [ffn, hidden]
    shapes[`${layer}.mlp.down_proj.weight`] = [hidden, ffn]
    shapes[`${layer}.input_layernorm.weight`] = [hidden]
    shapes[`${layer}.post_attention_layernorm.weight`] = [hidden]
  }
  return shapes
}

/** Parameters of each component; a layer that two graphs share counts once. */
function parameters(model: FastvlmModel): Readonly<Record<string, number>> {
  const seen = new Set<string>()
  const counts: Record<string, number> = {}
  for (const graph of Object.values(model.sessions)) {
    for (const { layer, component, weight } of graph.weights.values()) {
      if (seen.has(layer)) continue
      seen.add(layer)
      counts[component] = (counts[component] ?? 0) + elementsOf(weight.shape)
    }
  }
  return counts
}

// Expected: Apple's modules in closed form. In 44 blocks (2 of 96 channels, 12 of 192, 24 of 384,
// 4 of 768, 2 of 1536: 17,856 channels) gamma and beta become one bias, so the encoder's
// 122,714,208 parameters become 122,696,352.
test.for([
  {
    name: 'FastVLM-0.5B',
    size: { hidden: 896, layers: 24, kv: 128, ffn: 4864, rows: 151_646 },
    heads: { num_attention_heads: 14, num_key_value_heads: 2 },
    expected: { fusion_layers: 3_557_120, text_encoder: 135_874_816, decoder: 357_898_112 },
  },
  {
    name: 'FastVLM-1.5B',
    size: { hidden: 1536, layers: 28, kv: 256, ffn: 8960, rows: 151_646 },
    heads: { num_attention_heads: 12, num_key_value_heads: 2 },
    expected: { fusion_layers: 7_080_960, text_encoder: 232_928_256, decoder: 1_310_340_608 },
  },
])('$name becomes graphs of the known sizes without reading a value', async (row) => {
  const shapes = { ...fastVitHd(), ...qwen2(row.size) }
  const model = await importFastvlm({
    config: {
      model_type: 'llava_qwen2',
      hidden_size: row.size.hidden,
      num_hidden_layers: row.size.layers,
      ...row.heads,
      rope_theta: 1_000_000,
      mm_vision_tower: 'mobileclip_l_1024',
      image_token_index: 151_645,
      eos_token_id: 151_645,
      vocab_size: 152_064,
    },
    weights: new Map(Object.entries(shapes).map(([name, shape]) => unread(name, shape))),
  })
  expect(parameters(model)).toEqual({ vision_encoder: 122_696_352, ...row.expected })
  expect(model.findings).toEqual([])
  expect(model.facts).toMatchObject({
    imageTokens: 256,
    patchSize: 64,
    vocabularyRows: 151_646,
    ropeTheta: 1_000_000,
  })
  const [output] = model.sessions.vision_encoder.outputs
  expect(output?.shape).toEqual(['batch_size', 256, row.size.hidden])
})
