import { expect, test } from 'vitest'

import { nearPatterns } from './near-patterns.ts'

const LAYERS = [
  ...[0, 1, 2].flatMap((layer) => [
    `decoder.layers.${layer}.self_attn.q_proj.weight`,
    `decoder.layers.${layer}.mlp.up_proj.weight`,
  ]),
  'vision_encoder.patch_embed.0.conv.weight',
  'text_encoder.weight',
]

test.for([
  { pattern: 'decoder.layer.0.*', near: ['decoder.layers.0.*', 'decoder.layers.1.*'] },
  { pattern: 'decodr.*.mlp.*', near: ['decoder.*.mlp.*', 'decoder.*'] },
  { pattern: 'vision.*', near: ['vision_encoder.*', 'decoder.*'] },
  { pattern: '*.mpl.up_proj.weight', near: ['*.mlp.up_proj.weight', '*.self_attn.q_proj.weight'] },
  {
    pattern: 'text_encoder.wieght',
    near: ['text_encoder.weight', 'decoder.layers.0.mlp.up_proj.weight'],
  },
  { pattern: 'decodr.*.mpl.*', near: ['decoder.*', 'text_encoder.*'] },
])('$pattern was meant to be one of $near', ({ pattern, near }) => {
  expect(nearPatterns(pattern, LAYERS, 2)).toEqual(near)
})

const PACKAGE_LAYERS = ['conv_0_w', 'conv_1_w', 'self_q_proj_w', 'self_k_proj_w'].map(
  (name) => `model.${name}`,
)

test.for([
  { pattern: '*.q*', near: ['model.self_q_proj_w'] },
  { pattern: 'conv*', near: ['model.conv*'] },
  { pattern: 'CONV*', near: ['model.conv*'] },
  { pattern: '*_PROJ_*', near: ['*_proj_*'] },
  { pattern: 'conv_0_w', near: ['model.conv_0_w'] },
  { pattern: 'model.Conv_0_w', near: ['model.conv_0_w'] },
  { pattern: '*.*.*', near: ['model.conv_0_w', 'model.conv_1_w', 'model.self_q_proj_w'] },
])('$pattern of a package was meant to be one of $near', ({ pattern, near }) => {
  expect(nearPatterns(pattern, PACKAGE_LAYERS, 3)).toEqual(near)
})

test('names in capitals are found, too', () => {
  expect(nearPatterns('*wq*', ['model.WQ', 'model.WK'], 3)).toEqual(['model.WQ'])
})

test('a model without layers has nothing near', () => {
  expect(nearPatterns('decoder.*', [], 3)).toEqual([])
})
