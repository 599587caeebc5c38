import { expect, test } from 'vitest'
import type { Host, JobContext, NamedTensors, Session, SessionValue } from '../src/base/host.ts'
import { evaluateTask } from '../src/evaluate/evaluate-model-task.ts'
import type { TaskResult } from '../src/evaluate/task-types.ts'
import { sampleFeeds, sampleSources } from '../src/tasks/sample-feeds.ts'
import { loadTaskDataset } from '../src/tasks/task-dataset.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { digitTokenizer, functionSession } from './helpers/vqa-model.ts'

type Content = string | Uint8Array
type Model = { readonly session: Session; readonly files: Readonly<Record<string, Content>> }

/** Loads `d/set.json` and measures the model, with real jobs; pictures are of 4 x 2 pixels of one value. */
async function evaluate({ session, files }: Model, descriptor: unknown): Promise<TaskResult> {
  const bytes = (content: Content): Uint8Array =>
    typeof content === 'string' ? new TextEncoder().encode(content) : content
  const entries = Object.entries({ ...files, 'd/set.json': JSON.stringify(descriptor) })
  const context: JobContext = {
    session: () => Promise.resolve(session),
    tokenizer: () => Promise.resolve(digitTokenizer),
    decodeImage: (path) => {
      const value = bytes(files[path] ?? '')[0] ?? 0
      return Promise.resolve({ width: 4, height: 2, rgb: new Uint8Array(24).fill(value) })
    },
  }
  const memory = memoryHost(new Map(entries.map(([path, each]) => [path, bytes(each)])), context)
  const host: Host = { ...memory, tokenizer: () => Promise.resolve(digitTokenizer) }
  const dataset = await loadTaskDataset(host, 'd/set.json', { labels: 'required' })
  const model = { file: 'm/model.onnx', folder: 'm' }
  return evaluateTask(host, model, dataset, { numerics: 'faithful', now: () => 1 })
}

const value = (
  name: string,
  shape: readonly (number | string)[],
  dtype = 'float32',
): SessionValue => ({ name, dtype, shape })
const float = (shape: readonly number[], values: readonly number[]): NamedTensors[string] => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
})
const withOutputs = (session: Session, ...outputs: readonly SessionValue[]): Session => ({
  ...session,
  outputs,
})

/** Scores class k by -|k - first value of the picture|. */
const classifier = (shape: readonly (number | string)[]): Session =>
  withOutputs(
    functionSession([value('x', shape)], (feeds) => {
      const pixel = Number(feeds['x']?.data[0] ?? 0)
      return {
        scores: float(
          [1, 6],
          [0, 1, 2, 3, 4, 5].map((k) => -Math.abs(k - pixel)),
        ),
      }
    }),
    value('scores', [1, 6]),
  )

const PICTURES = {
  'd/a.png': Uint8Array.of(3),
  'd/b.png': Uint8Array.of(0),
  'd/l.txt': 'a.png 3\nb.png 1\n',
}
const LIST = { kind: 'image-classification', list: 'l.txt' }
const PLAIN = { size: [2, 2], scale: 1 }

test('top-1 and top-5 accuracy, with each answer', async () => {
  const model = { session: classifier([1, 3, 2, 2]), files: PICTURES }
  const labels = ['zero', 'one', 'two', 'three', 'four', 'five']
  const { evaluation, answers, scores } = await evaluate(model, {
    ...LIST,
    preprocess: PLAIN,
    labels,
  })
  expect(evaluation).toMatchObject({
    schema: 'mixbit/evaluation@1',
    metric: 'top1-accuracy',
    value: 0.5,
    metrics: { 'top5-accuracy': 1 },
    samples: 2,
    data: 'set',
    numerics: 'faithful',
    seconds: 0,
    findings: [],
  })
  expect(evaluation.low).toBeCloseTo(0.0945312, 6)
  expect(
    answers.map(({ image, answer, expected, score }) => [image, answer, expected, score]),
  ).toEqual([
    ['a.png', 'three', 'three', 1],
    ['b.png', 'zero', 'one', 0],
  ])
  expect(scores).toEqual([1, 0])
})

test('what nobody said about pictures is assumed and told', async () => {
  const model = { session: classifier([1, 1, 2, 2]), files: PICTURES }
  const { evaluation } = await evaluate(model, LIST)
  // Times 1/255 every picture is nearest to class 0.
  expect(evaluation.value).toBe(0)
  expect(evaluation.findings).toMatchObject([
    { code: 'assumed-preprocessing', severity: 'warning' },
  ])
  expect(evaluation.findings[0]?.message).toContain('NCHW, grey, stretched to 2 x 2')
})

test("the model's own preprocessing goes before the input's shape", async () => {
  const config = {
    image_processor_type: 'ViTImageProcessor',
    size: 2,
    do_rescale: false,
    do_normalize: false,
  }
  const files = { ...PICTURES, 'm/preprocessor_config.json': JSON.stringify(config) }
  const { evaluation } = await evaluate({ session: classifier(['N', 3, 'h', 'w']), files }, LIST)
  expect(evaluation).toMatchObject({ value: 0.5, findings: [] })
})

test.for([
  {
    name: 'more inputs',
    inputs: [value('x', [1, 3, 2, 2]), value('y', [1])],
    preprocess: PLAIN,
    code: 'unsupported-model',
  },
  {
    name: 'another size',
    inputs: [value('x', [1, 3, 4, 4])],
    preprocess: PLAIN,
    code: 'wrong-shape',
  },
  {
    name: 'a size that is open',
    inputs: [value('x', [1, 3, 'h', 'w'])],
    code: 'unsupported-model',
  },
  { name: 'no channels', inputs: [value('x', [1, 7, 9, 5])], code: 'unsupported-model' },
])('a picture model with $name is refused', async ({ inputs, preprocess, code }) => {
  const session = withOutputs(
    functionSession(inputs, () => ({})),
    value('scores', [1, 6]),
  )
  const descriptor = { ...LIST, ...(preprocess && { preprocess }) }
  await expect(evaluate({ session, files: PICTURES }, descriptor)).rejects.toMatchObject({ code })
})

test('a class that the model does not have is refused', async () => {
  const files = { ...PICTURES, 'd/l.txt': 'a.png 6\n' }
  const model = { session: classifier([1, 3, 2, 2]), files }
  await expect(evaluate(model, { ...LIST, preprocess: PLAIN })).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining('the class 6; the model gives 6 scores'),
  })
})

const COCO = JSON.stringify({
  images: [
    { id: 2, file_name: 'a.png' },
    { id: 1, file_name: 'b.png' },
  ],
  categories: [
    { id: 5, name: 'cat' },
    { id: 3, name: 'ant' },
  ],
  annotations: [
    { image_id: 2, category_id: 5, bbox: [1, 0, 2, 2], area: 4 },
    { image_id: 1, category_id: 3, bbox: [0, 0, 1, 1], area: 1 },
  ],
})

test('detections come back to the pixels of the picture and are scored by category', async () => {
  // 4 x 2 pixels in a letterbox of 32 x 32: times 8, 8 pixels of grey above. 21 boxes of two classes.
  const columns = Array.from({ length: 21 }, () => [0, 0, 0, 0, 0, 0])
  const session = withOutputs(
    functionSession([value('images', [1, 3, 32, 32])], (feeds) => {
      const isA = Number(feeds['images']?.data[8 * 32] ?? 0) > 0
      columns[4] = isA ? [16, 16, 16, 16, 0, 0.9] : [4, 12, 8, 8, 0.8, 0]
      return {
        output0: float(
          [1, 6, 21],
          [0, 1, 2, 3, 4, 5].flatMap((row) => columns.map((each) => each[row] ?? 0)),
        ),
      }
    }),
    value('output0', [1, 6, 21]),
  )
  const files = { 'd/c.json': COCO, 'd/v/a.png': Uint8Array.of(255), 'd/v/b.png': Uint8Array.of(0) }
  const descriptor = { kind: 'coco-detection', annotations: 'c.json', images: 'v' }
  const { evaluation } = await evaluate({ session, files }, descriptor)
  expect(evaluation).toMatchObject({ metric: 'coco-map', value: expect.closeTo(1, 12), samples: 2 })
  expect(evaluation.metrics).toMatchObject({ ap50: expect.closeTo(1, 12), apLarge: null, ar100: 1 })
  expect(evaluation.findings.map(({ code }) => code)).toEqual([
    'assumed-preprocessing',
    'recognised-head',
  ])
  const named = await evaluate({ session, files }, { ...descriptor, labels: ['cat', 'fish'] })
  expect(named.evaluation).toMatchObject({ value: 0 })
  expect(named.evaluation.findings.map(({ code }) => code)).toContain('unknown-class')
})

/** Thinks that each digit is followed by the next one, with probability 3/4 of 10 tokens. */
const successor = (): Session => {
  const inputs = [
    value('input_ids', ['b', 't'], 'int64'),
    value('attention_mask', ['b', 't'], 'int64'),
  ]
  const run = (feeds: NamedTensors): NamedTensors => {
    const ids = [...(feeds['input_ids']?.data ?? [])].map(Number)
    const rows = ids.map((id) =>
      Array.from({ length: 10 }, (_, next) => (next === id + 1 ? Math.log(27) : 0)),
    )
    return { logits: float([1, ids.length, 10], rows.flat()) }
  }
  return withOutputs(functionSession(inputs, run), value('logits', ['b', 't', 10]))
}

test('perplexity of a text, window by window', async () => {
  const files = { 'd/t.txt': '1 2 3, 4 9' }
  const { evaluation, scores } = await evaluate(
    { session: successor(), files },
    { kind: 'text', text: 't.txt', window: 3, stride: 2 },
  )
  // Three tokens of probability 27/36 and one of 1/36: (4/3)^(3/4) * 36^(1/4).
  expect(evaluation.value).toBeCloseTo((4 / 3) ** 0.75 * 36 ** 0.25, 5)
  expect(evaluation).toMatchObject({ metric: 'perplexity', samples: 2, metrics: { tokens: 4 } })
  expect(scores).toHaveLength(2)
})

test('a text model with an input that is not known is refused by its name', async () => {
  const session = withOutputs(
    functionSession([value('speaker', [1])], () => ({})),
    value('logits', [1]),
  )
  await expect(
    evaluate({ session, files: { 'd/t.txt': '12' } }, { kind: 'text', text: 't.txt' }),
  ).rejects.toMatchObject({
    code: 'unsupported-model',
    message: expect.stringContaining('"speaker"'),
  })
})

test('a token that the model does not know is refused', async () => {
  const narrow = withOutputs(
    functionSession([value('input_ids', ['b', 't'], 'int64')], (feeds) => {
      const tokens = feeds['input_ids']?.data.length ?? 0
      return {
        logits: float(
          [1, tokens, 2],
          Array.from({ length: tokens * 2 }, () => 0),
        ),
      }
    }),
    value('logits', ['b', 't', 2]),
  )
  await expect(
    evaluate({ session: narrow, files: { 'd/t.txt': '15' } }, { kind: 'text', text: 't.txt' }),
  ).rejects.toMatchObject({
    code: 'unsupported-model',
    message: expect.stringContaining('token 5'),
  })
})

test('likeness of sentences follows what people said, by rank', async () => {
  // The vector of digit n is (1, n): the more alike the means, the smaller the angle.
  const session = withOutputs(
    functionSession(
      [value('input_ids', ['b', 't'], 'int64'), value('token_type_ids', ['b', 't'], 'int64')],
      (feeds) => {
        const ids = [...(feeds['input_ids']?.data ?? [])].map(Number)
        return {
          last_hidden_state: float(
            [1, ids.length, 2],
            ids.flatMap((id) => [1, id]),
          ),
        }
      },
    ),
    value('last_hidden_state', ['b', 't', 2]),
  )
  const files = { 'd/s.tsv': '1 1\t1\t5\n0 2\t2\t4\n0\t2\t3\n0\t8\t1\n' }
  const { evaluation } = await evaluate({ session, files }, { kind: 'sts', pairs: 's.tsv' })
  expect(evaluation).toMatchObject({ metric: 'spearman', value: 1, low: null, samples: 4 })
  const cut = await evaluate(
    { session, files: { 'd/s.tsv': '1111\t1\t5\n2\t0\t1\n' } },
    { kind: 'sts', pairs: 's.tsv', maxTokens: 3 },
  )
  expect(cut.evaluation.findings).toMatchObject([{ code: 'cut-sentences' }])
  const same = await evaluate(
    { session, files: { 'd/s.tsv': '1\t1\t5\n2\t2\t1\n' } },
    { kind: 'sts', pairs: 's.tsv' },
  )
  expect(same.evaluation).toMatchObject({ value: null, metrics: { pearson: null } })
  expect(same.evaluation.findings).toMatchObject([{ code: 'undefined-correlation' }])
})

const npy = (shape: string, values: Uint8Array): Uint8Array => {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape}), }\n`
  const prefix = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]
  return Uint8Array.from([...prefix, ...new TextEncoder().encode(header), ...values])
}

test('ready-made inputs are scored by their labels', async () => {
  const files = {
    'd/x.npy': npy('3, 1', Uint8Array.of(5, 2, 4)),
    'd/y.npy': npy('3,', Uint8Array.of(5, 2, 0)),
  }
  const model = { session: classifier([1, 1]), files }
  const { evaluation, scores } = await evaluate(model, {
    kind: 'tensors',
    inputs: { x: 'x.npy' },
    labels: 'y.npy',
  })
  expect(evaluation).toMatchObject({ metric: 'top1-accuracy', value: expect.closeTo(2 / 3, 12) })
  expect(scores).toEqual([1, 1, 0])
  await expect(
    evaluate(model, { kind: 'tensors', inputs: { z: 'x.npy' }, labels: 'y.npy' }),
  ).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining("the model's inputs are x"),
  })
})

test('scores that are not finite are a finding, and NaN is never the answer', async () => {
  const session = withOutputs(
    functionSession([value('x', [1, 1])], () => ({
      scores: float([1, 3], [Number.NaN, 1, Infinity]),
    })),
    value('scores', [1, 3]),
  )
  const files = { 'd/x.npy': npy('1, 1', Uint8Array.of(1)), 'd/y.npy': npy('1,', Uint8Array.of(0)) }
  const { evaluation, answers } = await evaluate(
    { session, files },
    { kind: 'tensors', inputs: { x: 'x.npy' }, labels: 'y.npy' },
  )
  expect(evaluation).toMatchObject({ value: 0, findings: [{ code: 'not-finite-scores' }] })
  expect(answers[0]?.answer).toBe('2')
})

test('samples of every kind become the inputs of a model, for calibration', async () => {
  const files: readonly (readonly [string, Content])[] = [
    ['d/a.png', Uint8Array.of(3)],
    ['d/t.txt', '123'],
    ['d/s.tsv', '1\t2\t5\n'],
    ['d/x.npy', npy('2, 1', Uint8Array.of(5, 2))],
  ]
  const descriptors = [
    { kind: 'images', list: ['a.png'], preprocess: { size: [1, 1], scale: 1 } },
    { kind: 'text', text: 't.txt', window: 2 },
    { kind: 'sts', pairs: 's.tsv' },
    { kind: 'tensors', inputs: { x: 'x.npy' } },
  ]
  const seen: unknown[] = []
  for (const descriptor of descriptors) {
    const text = new TextEncoder()
    const entries = [...files, ['d/set.json', JSON.stringify(descriptor)] as const].map(
      ([path, each]) => [path, typeof each === 'string' ? text.encode(each) : each] as const,
    )
    const host: Host = {
      ...memoryHost(new Map(entries)),
      tokenizer: () => Promise.resolve(digitTokenizer),
    }
    const dataset = await loadTaskDataset(host, 'd/set.json', { labels: 'optional' })
    const isText = dataset.kind === 'text' || dataset.kind === 'sts'
    const input = isText
      ? value('input_ids', ['b', 't'], 'int64')
      : value('x', ['n', 'c', 'h', 'w'])
    const inputs = dataset.kind === 'tensors' ? [value('x', ['n', 1])] : [input]
    const decodeImage = () => Promise.resolve({ width: 1, height: 1, rgb: Uint8Array.of(3, 4, 5) })
    for await (const source of sampleSources(host, dataset, { folder: 'm', preprocess: null })) {
      const feeds = await sampleFeeds(
        functionSession(inputs, () => ({})),
        source,
        { decodeImage },
      )
      seen.push(Object.values(feeds).map(({ shape, data }) => [shape, [...data].map(Number)]))
    }
  }
  expect(seen).toEqual([
    [
      [
        [1, 3, 1, 1],
        [3, 4, 5],
      ],
    ],
    [
      [
        [1, 2],
        [1, 2],
      ],
    ],
    [[[1, 1], [1]]],
    [[[1, 1], [2]]],
    [[[1, 1], [5]]],
    [[[1, 1], [2]]],
  ])
})
