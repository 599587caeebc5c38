import { describe, expect, test } from 'vitest'

import { readCheckpointModel, readModel } from '../src/convert/read-model.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { nanoFiles } from './helpers/nano.ts'

/** Files of a folder `m`, each with a byte. */
function folder(...names: readonly string[]) {
  return memoryHost(new Map(names.map((name) => [`m/${name}`, new Uint8Array(1)])))
}

const SESSIONS = ['embed_tokens', 'vision_encoder', 'decoder_model_merged']
const ONNX = SESSIONS.map((name) => `onnx/${name}.onnx`)

describe('what a path holds', () => {
  test('a checkpoint is read, the owner of a shared table first', async () => {
    const model = await readModel(memoryHost(await nanoFiles()), 'nano', null)
    expect(model).toMatchObject({ kind: 'checkpoint', path: 'nano', bytes: 8_764_784 })
    if (model.kind !== 'checkpoint') throw new TypeError('no checkpoint')
    expect(model.graphs.map(({ name }) => name)).toEqual([
      'embed_tokens',
      'vision_encoder',
      'decoder_model_merged',
    ])
    await model.close()
  })

  test('a folder of ONNX graphs is found before a checkpoint beside it', async () => {
    const host = folder('config.json', 'model.safetensors', ...ONNX)
    expect(await readModel(host, 'm', null)).toMatchObject({ kind: 'onnx-folder', bytes: 3 })
  })

  test.for([
    { what: 'nothing', host: folder(), path: 'm', code: 'not-found' },
    { what: 'a folder without model', host: folder('a.txt'), path: 'm', code: 'unknown-format' },
    {
      what: 'weights without config',
      host: folder('model.safetensors'),
      path: 'm',
      code: 'unknown-format',
    },
    {
      what: 'a config without weights',
      host: folder('config.json'),
      path: 'm',
      code: 'unknown-format',
    },
    {
      what: 'several variants',
      host: folder(...ONNX, 'onnx/vision_encoder_q4.onnx'),
      path: 'm',
      code: 'ambiguous-variant',
    },
    { what: 'a broken manifest', host: folder('mixbit.json'), path: 'm', code: 'malformed' },
  ])('$what is $code', async ({ host, path, code }) => {
    await expect(readModel(host, path, null)).rejects.toMatchObject({ code })
  })
})

test('a folder of ONNX graphs is no checkpoint', async () => {
  await expect(readCheckpointModel(folder(...ONNX), 'm')).rejects.toMatchObject({
    code: 'unsupported-model',
  })
})
