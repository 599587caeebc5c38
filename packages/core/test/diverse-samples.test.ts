import { expect, test } from 'vitest'
import type { JobContext, Session } from '../src/base/host.ts'
import { diverseQuestions, diverseSamples } from '../src/calibrate/sampling/diverse-samples.ts'
import type { TaskDataset } from '../src/tasks/task-dataset.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { functionSession } from './helpers/vqa-model.ts'
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

function chosen(dataset: TaskDataset, count: number): Promise<TaskDataset> {
  const context: JobContext = { ...digitContext({}), session: () => Promise.resolve(session) }
  const model = {
    file: 'model.onnx',
    folder: null,
    preprocess: null,
    options: { numerics: 'faithful' },
  } as const
  return diverseSamples(memoryHost(files, context), model, dataset, { count, seed: 0 })
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

test('sentence pairs are refused', async () => {
  const pairs: TaskDataset = {
    kind: 'sts',
    name: 'pairs',
    findings: [],
    samples: [],
    output: null,
    tokenizer: null,
    pooling: 'mean',
    mostTokens: 8,
  }
  await expect(chosen(pairs, 1)).rejects.toMatchObject({
    code: 'invalid-dataset',
    facts: { kind: 'sts' },
  })
})
