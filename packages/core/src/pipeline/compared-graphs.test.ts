import { expect, test } from 'vitest'

import { memoryHost } from '../../test/helpers/memory-host.ts'
import { comparedGraphs } from './compared-graphs.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

const host = memoryHost(
  new Map([
    ['a.onnx', text('')],
    ['b.onnx', text('')],
    ['vlm/config.json', text('{}')],
    ['vlm/onnx/embed_tokens_q4.onnx', text('')],
    ['vlm/onnx/embed_tokens_q4.onnx_data', text('')],
    ['vlm/onnx/decoder_model_merged_q4.onnx', text('')],
    ['checkpoint/config.json', text('{}')],
    [
      'one/mixbit.json',
      text(
        JSON.stringify({
          schema: 'mixbit/model@1',
          target: 'onnx',
          task: '',
          prompt: '',
          sessions: { model: 'onnx/model.onnx' },
          components: {},
          files: [],
        }),
      ),
    ],
    ['one/onnx/model.onnx', text('')],
  ]),
)

test.for([
  {
    reference: 'a.onnx',
    candidate: 'b.onnx',
    graphs: { reference: 'a.onnx', candidate: 'b.onnx' },
  },
  {
    reference: 'a.onnx',
    candidate: 'one',
    graphs: { reference: 'a.onnx', candidate: 'one/onnx/model.onnx' },
  },
  { reference: 'vlm', candidate: 'checkpoint', graphs: null },
])('$reference and $candidate are the graphs $graphs', async ({ reference, candidate, graphs }) => {
  expect(await comparedGraphs(host, { reference, candidate })).toEqual(graphs)
})

test.for([
  {
    reference: 'a.onnx',
    candidate: 'vlm',
    code: 'unsupported-model',
    says: '"a.onnx" is one graph and "vlm" is not. Compare two ONNX files, or two model folders; the folder\'s graphs are "onnx/decoder_model_merged_q4.onnx", "onnx/embed_tokens_q4.onnx".',
  },
  {
    reference: 'checkpoint',
    candidate: 'one',
    code: 'unsupported-model',
    says: '"one" is one graph and "checkpoint" is not. Compare two ONNX files, or two model folders.',
  },
  { reference: 'a.onnx', candidate: 'gone', code: 'not-found', says: '"gone" does not exist.' },
])('$reference and $candidate do not go together', async ({ reference, candidate, code, says }) => {
  await expect(comparedGraphs(host, { reference, candidate })).rejects.toMatchObject({
    code,
    message: says,
  })
})
