import { describe, expect, test } from 'vitest'

import { preprocessorConfig, processorConfig, withTransformersJsConfig } from './config-files.ts'

const DTYPES = { embed_tokens: 'q8', vision_encoder: 'q4', decoder_model_merged: 'q4' } as const

describe('config.json for transformers.js', () => {
  test('names the variant of each session and the graphs with external data', () => {
    expect(withTransformersJsConfig({ model_type: 'llava_qwen2' }, DTYPES, ['a.onnx'])).toEqual({
      model_type: 'llava_qwen2',
      'transformers.js_config': { dtype: DTYPES, use_external_data_format: { 'a.onnx': 1 } },
    })
  })

  test('keeps other settings, but not those about other files', () => {
    const config = {
      'transformers.js_config': {
        kept: 1,
        dtype: 'fp16',
        use_external_data_format: { 'old.onnx': 1 },
      },
    }
    expect(withTransformersJsConfig(config, DTYPES, [])).toEqual({
      'transformers.js_config': { kept: 1, dtype: DTYPES },
    })
  })

  test.for([null, 3, 'x', []])('replaces %j, which is no such object', (existing) => {
    const config = withTransformersJsConfig({ 'transformers.js_config': existing }, DTYPES, [])
    expect(config).toEqual({ 'transformers.js_config': { dtype: DTYPES } })
  })
})

test('the processor files say what the model needs of a picture', () => {
  expect(processorConfig(16)).toMatchObject({ image_token: '<image>', patch_size: 16 })
  expect(preprocessorConfig({ height: 384, width: 512 })).toMatchObject({
    size: { shortest_edge: 384 },
    crop_size: { height: 384, width: 512 },
  })
})
