import { expect, test } from 'vitest'

import { canonicalNames, releasedName } from './names.ts'

const canonical = (...names: string[]): string[] => [...canonicalNames(names).keys()]

const TOWER = 'model.vision_tower.vision_tower.model.'

// One row a rule; the columns are the released, transformers' and MLX' spelling.
test.for([
  {
    layer: 'vision_encoder.patch_embed.1.reparam_conv.bias',
    names: [
      `${TOWER}patch_embed.1.reparam_conv.bias`,
      'model.vision_tower.timm_model.stem.1.reparam_conv.bias',
      'vision_tower.vision_model.patch_embed.blocks.1.reparam_conv.bias',
      'vision_tower.patch_embed.1.reparam_conv.bias',
    ],
  },
  {
    layer: 'vision_encoder.conv_exp.se.reduce.weight',
    names: [
      `${TOWER}conv_exp.se.reduce.weight`,
      'model.vision_tower.timm_model.final_conv.se.fc1.weight',
    ],
  },
  {
    layer: 'vision_encoder.network.0.3.convffn.fc1.weight',
    names: [
      `${TOWER}network.0.3.convffn.fc1.weight`,
      'model.vision_tower.timm_model.stages.0.blocks.3.mlp.fc1.weight',
      'vision_tower.vision_model.network.0.3.convffn.fc1.weight',
    ],
  },
  {
    layer: 'fusion_layers.0.weight',
    names: [
      'model.mm_projector.0.weight',
      'mm_projector.0.weight',
      'model.multi_modal_projector.linear_1.weight',
      'multi_modal_projector.linear_0.weight',
    ],
  },
  {
    layer: 'fusion_layers.2.bias',
    names: [
      'model.mm_projector.2.bias',
      'model.multi_modal_projector.linear_2.bias',
      'multi_modal_projector.linear_2.bias',
    ],
  },
  {
    layer: 'text_encoder.weight',
    names: [
      'model.embed_tokens.weight',
      'model.language_model.embed_tokens.weight',
      'language_model.model.embed_tokens.weight',
    ],
  },
  {
    layer: 'decoder.layers.7.mlp.up_proj.weight',
    names: [
      'model.layers.7.mlp.up_proj.weight',
      'model.language_model.layers.7.mlp.up_proj.weight',
      'language_model.model.layers.7.mlp.up_proj.weight',
    ],
  },
  {
    layer: 'decoder.lm_head.weight',
    names: ['lm_head.weight', 'language_model.lm_head.weight'],
  },
])('$layer is known by every spelling', ({ layer, names }) => {
  for (const name of names) expect(canonical(name)).toEqual([layer])
  expect(releasedName(layer)).toBe(names[0])
})

// By hand from map_to_stage of transformers' conversion: FastViTHD's modules 0 to 10 are blocks,
// downsampling, blocks, downsampling, blocks, downsampling, encoding, blocks, and again.
test('stages of timm become the numbered modules of the released network, in any order', () => {
  const prefix = 'model.vision_tower.timm_model.stages'
  const modules = [
    '0.blocks.0',
    '1.downsample.proj.1',
    '1.blocks.0',
    '2.downsample.proj.1',
    '2.blocks.0',
    '3.downsample.proj.1',
    '3.pos_emb',
    '3.blocks.0',
    '4.downsample.proj.1',
    '4.pos_emb',
    '4.blocks.0',
  ]
  const names = modules.map((module) => `${prefix}.${module}.reparam_conv.weight`)
  const numbers = canonical(...names.toReversed()).map((name) => Number(name.split('.')[2]))
  expect(numbers).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
})

test('tensors that inference does not use are left out', () => {
  expect(
    canonical(
      `${TOWER}network.0.0.convffn.conv.bn.num_batches_tracked`,
      `${TOWER}head.proj`,
      'model.layers.0.self_attn.rotary_emb.inv_freq',
      'model.norm.weight',
    ),
  ).toEqual(['decoder.norm.weight'])
})
