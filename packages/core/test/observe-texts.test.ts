import { expect, test } from 'vitest'
import type { Host, JobContext, Session } from '../src/base/host.ts'
import { observeDataset } from '../src/calibrate/activations/observe-dataset.ts'
import type { TaskDataset } from '../src/tasks/task-dataset.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { digitTokenizer, functionSession } from './helpers/vqa-model.ts'

/** Its value `h` is its tokens. */
const session: Session = {
  ...functionSession(
    [
      { name: 'input_ids', dtype: 'int64', shape: ['batch', 'tokens'] },
      { name: 'attention_mask', dtype: 'int64', shape: ['batch', 'tokens'] },
    ],
    (feeds) => {
      const ids = [...(feeds['input_ids']?.data ?? [])].map(Number)
      return { h: { dtype: 'float32', shape: [1, ids.length, 1], data: Float32Array.from(ids) } }
    },
  ),
  outputs: [{ name: 'h', dtype: 'float32', shape: ['batch', 'tokens', 1] }],
}

const context: JobContext = {
  session: () => Promise.resolve(session),
  tokenizer: () => Promise.resolve(digitTokenizer),
  decodeImage: () => Promise.reject(new TypeError('there are no pictures')),
}

function observe(dataset: TaskDataset) {
  const memory = memoryHost(new Map(), context)
  const host: Host = { ...memory, tokenizer: () => Promise.resolve(digitTokenizer) }
  const values = [{ name: 'h', channels: 'last' }] as const
  const model = { file: 'model.onnx', options: { numerics: 'faithful' } } as const
  const request = { model, dataset, folder: 'm', preprocess: null, values, keep: 'ends' } as const
  return observeDataset(host, request)
}

const TEXT = {
  kind: 'text',
  name: 'text',
  findings: [],
  tokenizer: null,
  output: null,
  window: 4,
  stride: 4,
} as const

const SENTENCES = {
  kind: 'sts',
  name: 'pairs',
  findings: [],
  tokenizer: null,
  output: null,
  pooling: null,
  mostTokens: 3,
} as const

test.for<{ name: string; dataset: TaskDataset; seen: unknown }>([
  {
    name: 'windows of a text',
    dataset: { ...TEXT, texts: [{ file: 'a.txt', text: '12345678' }], choice: {} },
    seen: { samples: 2, ends: [1, 8], mean: 4.5 },
  },
  {
    name: 'the wanted windows of a text',
    dataset: { ...TEXT, texts: [{ file: 'a.txt', text: '12345678' }], choice: { limit: 1 } },
    seen: { samples: 1, ends: [1, 4], mean: 2.5 },
  },
  {
    // The last token of 9753 is cut.
    name: 'both sentences of pairs',
    dataset: { ...SENTENCES, samples: [{ id: 1, first: '2', second: '9753', score: 0 }] },
    seen: { samples: 2, ends: [2, 9], mean: 5.75 },
  },
])('$name are calibration data', async ({ dataset, seen }) => {
  const { states, means, samples, preprocess } = await observe(dataset)
  const { min, max } = states[0]?.histogram ?? { min: NaN, max: NaN }
  expect({ samples, ends: [min, max], mean: means[0]?.[0] }).toEqual(seen)
  expect(preprocess).toBeNull()
})

test('a text of one token is refused, and so is a sentence without tokens', async () => {
  const samples = [{ id: 1, first: '2', second: 'none', score: 0 }]
  await expect(observe({ ...SENTENCES, samples })).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining('no tokens'),
  })
  const text = { ...TEXT, texts: [{ file: 'a.txt', text: '1' }], choice: {} }
  await expect(observe(text)).rejects.toMatchObject({ code: 'empty-dataset' })
})
