import { describe, expect, test } from 'vitest'

import { memoryHost } from '../../../test/helpers/memory-host.ts'
import { findSessions } from './find-sessions.ts'

const NAMES = ['embed_tokens', 'vision_encoder', 'decoder_model_merged'] as const

/** A folder `m` with these files of as many bytes, and perhaps a manifest. */
function folder(sizes: Readonly<Record<string, number>>, manifest?: object) {
  const files = new Map<string, Uint8Array>(
    Object.entries(sizes).map(([name, size]) => [`m/onnx/${name}`, new Uint8Array(size)]),
  )
  if (manifest !== undefined) {
    files.set('m/mixbit.json', new TextEncoder().encode(JSON.stringify(manifest)))
  }
  return memoryHost(files)
}

const Q4 = {
  'embed_tokens_q4.onnx': 1,
  'vision_encoder_q4.onnx': 2,
  'decoder_model_merged_q4.onnx': 3,
}

describe('a folder without manifest', () => {
  test('with one variant has that one, with its external data', async () => {
    const host = folder({
      ...Q4,
      'embed_tokens_q4.onnx_data': 10,
      'embed_tokens_q4.onnx_data_1': 20,
    })
    const { graphs, files, bytes, manifest } = await findSessions(host, 'm', null)
    expect(graphs).toEqual({
      embed_tokens: 'm/onnx/embed_tokens_q4.onnx',
      vision_encoder: 'm/onnx/vision_encoder_q4.onnx',
      decoder_model_merged: 'm/onnx/decoder_model_merged_q4.onnx',
    })
    expect(files.map(({ path }) => path)).toEqual([
      'onnx/embed_tokens_q4.onnx',
      'onnx/embed_tokens_q4.onnx_data',
      'onnx/embed_tokens_q4.onnx_data_1',
      'onnx/vision_encoder_q4.onnx',
      'onnx/decoder_model_merged_q4.onnx',
    ])
    expect({ bytes, manifest }).toEqual({ bytes: 36, manifest: null })
  })

  test('with several needs to be told which', async () => {
    const host = folder({ ...Q4, 'vision_encoder.onnx': 5, 'embed_tokens_q4f16.onnx': 1 })
    await expect(findSessions(host, 'm', null)).rejects.toMatchObject({ code: 'ambiguous-variant' })
    expect((await findSessions(host, 'm', 'q4')).bytes).toBe(6)
  })

  test.for(['fp16', 'q4f16', 'constructor', '../../x'])('has no dtype %s', async (dtype) => {
    await expect(findSessions(folder(Q4), 'm', dtype)).rejects.toMatchObject({
      code: 'ambiguous-variant',
    })
  })

  test('may hold any graphs, whatever the task', async () => {
    const host = folder({
      'model_fp16.onnx': 1,
      'text_model.onnx': 1,
      'decoder_with_past_model_quantized.onnx': 1,
      'model_fp16.onnx_data': 5,
    })
    const { graphs, bytes } = await findSessions(host, 'm', null)
    expect(graphs).toEqual({
      decoder_with_past_model: 'm/onnx/decoder_with_past_model_quantized.onnx',
      model: 'm/onnx/model_fp16.onnx',
      text_model: 'm/onnx/text_model.onnx',
    })
    expect(bytes).toBe(8)
  })

  test('without graphs is no such model', async () => {
    await expect(findSessions(folder({ 'a.txt': 1 }), 'm', null)).rejects.toMatchObject({
      code: 'unknown-format',
    })
  })
})

describe('a folder with manifest', () => {
  const manifest = (sessions: Readonly<Record<string, string>>): object => ({
    schema: 'mixbit/model@1',
    target: 'transformers-js',
    task: 'image-text-to-text',
    prompt: '',
    sessions,
    components: {},
    files: [],
  })
  const sessions = Object.fromEntries(NAMES.map((name) => [name, `onnx/${name}_q4.onnx`]))

  test('has the graphs that it names, whatever else lies there', async () => {
    const host = folder({ ...Q4, 'vision_encoder.onnx': 5 }, manifest(sessions))
    const { graphs, bytes } = await findSessions(host, 'm', null)
    expect(graphs.vision_encoder).toBe('m/onnx/vision_encoder_q4.onnx')
    expect(bytes).toBe(6)
  })

  test('is malformed without graphs', async () => {
    const host = folder(Q4, manifest({}))
    await expect(findSessions(host, 'm', null)).rejects.toMatchObject({ code: 'malformed' })
  })

  test('may not lead out of the folder', async () => {
    const host = folder(Q4, manifest({ ...sessions, vision_encoder: '../../secret.onnx' }))
    await expect(findSessions(host, 'm', null)).rejects.toMatchObject({ code: 'path-outside' })
  })
})
