import { expect, test } from 'vitest'
import type { Host, JobContext, Session } from '../src/base/host.ts'
import { diverseQuestions, diverseSamples } from '../src/calibrate/sampling/diverse-samples.ts'
import type { TaskDataset } from '../src/tasks/task-dataset.ts'
import type { TextDataset } from '../src/tasks/text/load-text.ts'
import { windowsOf } from '../src/tasks/text/load-text.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { digitTokenizer, functionSession } from './helpers/vqa-model.ts'
import { digitContext, digitModel, digitSessions, sample } from './helpers/vqa-world.ts'

const files = new Map<string, Uint8Array>()
const questions = [
  sample(1, '1.jpg', 'a'),
  sample(2, '2.jpg', 'b'),
  sample(3, '9.jpg', 'c'),
  sample(4, '2.jpg', 'd'),
  sample(5, '5.jpg', 'e'),
]

function chosenQuestions(count: number) {
  const host = memoryHost(files, digitContext(digitSessions))
  return diverseQuestions(host, digitModel(), questions, { count, seed: 0 })
}

test.for([
  // Features are the brightness: 1 2 9 2 5 with the mean 3.8. Nearest: 5; then 1 before 9, both 4 away.
  { count: 1, ids: [5] },
  { count: 2, ids: [1, 5] },
  { count: 3, ids: [1, 3, 5] },
  { count: 4, ids: [1, 2, 3, 5] },
  // Question 4 is about a picture that is chosen already.
  { count: 5, ids: [1, 2, 3, 4, 5] },
])('$count questions about different pictures, in file order', async ({ count, ids }) => {
  expect((await chosenQuestions(count)).map(({ id }) => id)).toEqual(ids)
})

const pictures: TaskDataset = {
  kind: 'images',
  name: 'pictures',
  findings: [],
  preprocess: null,
  samples: [8, 1, 2, 3].map((pixel) => ({ name: `${pixel}.png`, path: `${pixel}.png` })),
}

/** Gives the first value of the picture as the second of its outputs; the first is not float. */
const session: Session = {
  ...functionSession([{ name: 'x', dtype: 'float32', shape: [1, 3, 1, 1] }], (feeds) => ({
    count: { dtype: 'int64', shape: [1], data: BigInt64Array.of(5n) },
    mean: {
      dtype: 'float32',
      shape: [1, 1],
      data: Float32Array.of(Number(feeds['x']?.data[0] ?? 0)),
    },
  })),
  outputs: [
    { name: 'count', dtype: 'int64', shape: [1] },
    { name: 'mean', dtype: 'float32', shape: [1, 1] },
  ],
}

function chosen(
  dataset: TaskDataset,
  count: number,
  running: Session = session,
): Promise<TaskDataset> {
  const context: JobContext = { ...digitContext({}), session: () => Promise.resolve(running) }
  const host: Host = {
    ...memoryHost(files, context),
    tokenizer: () => Promise.resolve(digitTokenizer),
  }
  const model = {
    file: 'model.onnx',
    folder: null,
    preprocess: null,
    options: { numerics: 'faithful' },
  } as const
  return diverseSamples(host, model, dataset, { count, seed: 0 })
}

test('samples of a single graph are told apart by its first float output', async () => {
  // 8 1 2 3 with the mean 3.5: first 3, then 8, then 1.
  expect(await chosen(pictures, 3)).toEqual({
    ...pictures,
    samples: [8, 1, 3].map((pixel) => ({ name: `${pixel}.png`, path: `${pixel}.png` })),
  })
})

test('when all samples are wanted no model runs', async () => {
  const host = memoryHost(files)
  const all = await diverseQuestions(host, digitModel(), questions, { count: 5, seed: 0 })
  expect(all).toBe(questions)
})

/** The first output is the first token. */
const reader: Session = {
  ...functionSession([{ name: 'input_ids', dtype: 'int64', shape: [1, 'tokens'] }], (feeds) => ({
    logits: {
      dtype: 'float32',
      shape: [1, 1, 1],
      data: Float32Array.of(Number(feeds['input_ids']?.data[0] ?? 0)),
    },
  })),
  outputs: [{ name: 'logits', dtype: 'float32', shape: [1, 'tokens', 1] }],
}

const PAIRS = { kind: 'sts', output: null, tokenizer: 't', pooling: null, mostTokens: 8 } as const

test('sentence pairs are told apart by what the model makes of both sentences', async () => {
  // Points (1, 1) (9, 1) (1, 8) (2, 1) around the mean (3.25, 2.75): first (2, 1), then (1, 8), then (9, 1).
  const samples = [
    [1, 1],
    [9, 1],
    [1, 8],
    [2, 1],
  ].map(([first, second], index) => ({
    id: index + 1,
    first: `${first}`,
    second: `${second}`,
    score: 0,
  }))
  const pairs: TaskDataset = { ...PAIRS, name: 'pairs', findings: [], samples }
  const ids = async (count: number) => {
    const dataset = await chosen(pairs, count, reader)
    return 'samples' in dataset ? dataset.samples.map((each) => 'id' in each && each.id) : []
  }
  expect(await ids(1)).toEqual([4])
  expect(await ids(2)).toEqual([3, 4])
  expect(await ids(3)).toEqual([2, 3, 4])
  expect(await chosen(pairs, 4)).toBe(pairs)
})

test('windows of a text are told apart by what the model makes of them', async () => {
  const text: TaskDataset = {
    kind: 'text',
    name: 'text',
    findings: [],
    texts: [
      { file: 'a', text: '80102' },
      { file: 'b', text: '3000' },
    ],
    tokenizer: 't',
    window: 2,
    stride: 2,
    output: null,
    choice: {},
  }
  // Windows 80 10 | 30 00 (the single 2 is none) start with 8 1 3 0 around 3: first 30, then 80, then 00.
  const host: Host = { ...memoryHost(), tokenizer: () => Promise.resolve(digitTokenizer) }
  const windows = async (count: number) =>
    (await windowsOf(host, textOf(await chosen(text, count, reader)), null)).map(({ ids }) => ids)
  expect(await windows(1)).toEqual([[3, 0]])
  expect(await windows(2)).toEqual([
    [8, 0],
    [3, 0],
  ])
  expect(await windows(3)).toEqual([
    [8, 0],
    [3, 0],
    [0, 0],
  ])
  expect(await chosen(text, 4)).toBe(text)
})

function textOf(dataset: TaskDataset): TextDataset {
  if (dataset.kind !== 'text') throw new TypeError('this is no text')
  return dataset
}
