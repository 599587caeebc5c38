import { expect, test } from 'vitest'
import type { JobContext, Picture, Pool } from '../src/base/host.ts'
import { evaluateVqa } from '../src/evaluate/evaluate-vqa.ts'
import type { VqaDataset, VqaSample } from '../src/tasks/dataset.ts'
import { loadVqaDataset } from '../src/tasks/dataset.ts'
import { answerPicture, answerQuestions } from '../src/tasks/vqa/answer.ts'
import type { AnswerInput, VlmModel } from '../src/tasks/vqa/answer.ts'
import { readVlmModel } from '../src/tasks/vqa/model.ts'
import { memoryHost } from './helpers/vqa-host.ts'
import {
  decoderSession,
  digitTokenizer,
  embedSession,
  functionSession,
  visionSession,
} from './helpers/vqa-model.ts'

const MODEL: VlmModel = {
  folder: 'm',
  files: { vision_encoder: 'v', embed_tokens: 'e', decoder_model_merged: 'd' },
  imageTokenId: 9,
  eosTokenIds: [8],
  maxNewTokens: 1,
  maxPositions: 100,
  preprocess: {
    layout: 'NCHW',
    colour: 'RGB',
    resize: { kind: 'none' },
    filter: 'bicubic',
    scale: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  },
  options: { numerics: 'faithful' },
}

/** One pixel, as bright as the number in its file name. */
const pixel = (path: string): Picture => ({
  width: 1,
  height: 1,
  rgb: new Uint8Array(3).fill(Number(/\d+/.exec(path)?.[0])),
})

type World = {
  readonly context: JobContext
  readonly loaded: string[]
  readonly vision: ReturnType<typeof visionSession>
}

function world(decoder = decoderSession()): World {
  const loaded: string[] = []
  const vision = visionSession()
  const sessions = new Map([
    ['v', vision],
    ['e', embedSession()],
    ['d', decoder],
  ])
  const context: JobContext = {
    session: (path, { numerics }) => {
      loaded.push(`${path} ${numerics}`)
      const session = sessions.get(path)
      return session ? Promise.resolve(session) : Promise.reject(new TypeError(path))
    },
    decodeImage: (path) => Promise.resolve(pixel(path)),
    tokenizer: () => Promise.resolve(digitTokenizer),
  }
  return { context, loaded, vision }
}

const input = (imagePath: string, ...contents: readonly string[]): AnswerInput => ({
  model: MODEL,
  imagePath,
  questions: contents.map((content, index) => ({ id: index + 1, content })),
})

test('the questions about a picture are answered in order, and it is looked at once', async () => {
  const { context, vision } = world()
  const { answers } = await answerQuestions(input('2.jpg', '<image>1', '<image>'), context)
  expect(answers).toEqual([
    { id: 1, answer: '5', tokens: [5], isBroken: false },
    { id: 2, answer: '4', tokens: [4], isBroken: false },
  ])
  expect(vision.runs.map(({ outputs }) => outputs)).toEqual([['image_features']])
})

test('the first scores come back when they are asked for', async () => {
  const { context } = world()
  const { answers } = await answerQuestions(
    { ...input('2.jpg', '<image>1'), wantLogits: true },
    context,
  )
  const magnitudes = [...(answers[0]?.firstLogits ?? [])].map(Math.abs)
  expect(magnitudes).toEqual([5, 4, 3, 2, 1, 0, 1, 2, 3, 4])
})

test('an observer also sees the vision encoder', async () => {
  const { context, vision } = world()
  const seen: string[] = []
  await answerPicture(input('2.jpg', '<image>'), context, (session) => seen.push(session))
  expect(seen).toEqual(['vision_encoder', 'embed_tokens', 'decoder_model_merged'])
  expect(vision.runs[0]?.outputs).toBeUndefined()
})

test('a picture of another size than the vision encoder takes is a coded error', async () => {
  const { context } = world()
  const wide = {
    ...context,
    decodeImage: () => Promise.resolve({ width: 2, height: 1, rgb: new Uint8Array(6) }),
  }
  await expect(answerQuestions(input('2.jpg', '<image>'), wide)).rejects.toMatchObject({
    code: 'wrong-shape',
  })
})

const sample = (
  id: number,
  imageName: string,
  question: string,
  answers: readonly string[],
  questionType = 'sum',
): VqaSample => ({
  id,
  imageId: imageName,
  imageName,
  imagePath: `d/${imageName}`,
  question,
  questionType,
  answerType: 'number',
  answers,
})
const TEN = (answer: string): string[] => Array.from({ length: 10 }, () => answer)
const DATASET: VqaDataset = {
  name: 'sums',
  options: {},
  findings: [],
  samples: [
    sample(1, '1.jpg', '1', TEN('3')),
    sample(2, '2.jpg', '1', TEN('5')),
    sample(3, '1.jpg', '0', TEN('7'), 'other'),
    sample(4, '2.jpg', '0', ['four', '3', '3', '3'], 'other'),
  ],
}

/** Runs jobs in this thread. What crosses is plain data, so JSON stands for the border. */
function poolOver(context: JobContext, jobs: AnswerInput[]): Pool {
  return {
    width: 1,
    close: () => Promise.resolve(),
    map: async function* map(name, inputs) {
      expect(name).toBe('answer-questions')
      for await (const each of inputs) {
        const job = JSON.parse(JSON.stringify(each))
        jobs.push(job)
        yield JSON.parse(JSON.stringify(await answerQuestions(job, context)))
      }
    },
  }
}

function evaluation(dataset = DATASET, options = {}, decoder = decoderSession()) {
  const jobs: AnswerInput[] = []
  const { context, loaded } = world(decoder)
  const host = memoryHost({}, poolOver(context, jobs))
  let seconds = 10
  const running = evaluateVqa(host, MODEL, dataset, { now: () => (seconds += 1.5), ...options })
  return { running, jobs, loaded, events: host.events }
}

test('answers are scored, in the order of the data set and per type', async () => {
  const { running, jobs, events } = evaluation()
  const { evaluation: result, answers } = await running
  expect(answers.map(({ id, answer, score, expected }) => [id, answer, score, expected])).toEqual([
    [1, '3', 1, '3'],
    [2, '5', 1, '5'],
    [3, '2', 0, '7'],
    [4, '4', 1 / 4, '3'],
  ])
  expect(result).toMatchObject({
    schema: 'mixbit/evaluation@1',
    metric: 'vqa-accuracy',
    value: 2.25 / 4,
    samples: 4,
    seconds: 1.5,
    data: 'sums',
    numerics: 'faithful',
    findings: [],
    byQuestionType: { other: { value: 0.125, samples: 2 }, sum: { value: 1, samples: 2 } },
    byAnswerType: { number: { samples: 4 } },
  })
  expect(
    jobs.map(({ imagePath, questions }) => [imagePath, questions.map(({ id }) => id)]),
  ).toEqual([
    ['d/1.jpg', [1, 3]],
    ['d/2.jpg', [2, 4]],
  ])
  expect(jobs[0]?.questions[0]?.content).toBe('<image>\n1')
  expect(events.map(({ kind }) => kind)).toEqual(['stage', 'progress', 'progress'])
  expect(events[2]).toEqual({
    kind: 'progress',
    stage: 'evaluate',
    done: 4,
    total: 4,
    unit: 'questions',
  })
})

test('COCO-QA has an accuracy for each of its question types', async () => {
  // The answer is twice the picture's number and the question's digits: 3, 5, 2, 4 and 5.
  const host = memoryHost({
    'd/coco.json': JSON.stringify({
      kind: 'coco-qa',
      questions: 'questions.txt',
      answers: 'answers.txt',
      imageIds: 'img_ids.txt',
      types: 'types.txt',
      images: '{image_id}.jpg',
    }),
    'd/questions.txt': '1\n1\n0\n0\n1\n',
    'd/answers.txt': '3\n4\n2\n4\n5\n',
    'd/img_ids.txt': '1\n2\n1\n2\n2\n',
    'd/types.txt': '0\n1\n2\n3\n1\n',
    'd/1.jpg': '',
    'd/2.jpg': '',
  })
  const dataset = await loadVqaDataset(host, 'd/coco.json', { labels: 'required' })
  const { evaluation: result } = await evaluation(dataset).running
  expect(result).toMatchObject({
    metric: 'coco-qa-accuracy',
    value: 4 / 5,
    byQuestionType: {
      color: { value: 1, samples: 1 },
      location: { value: 1, samples: 1 },
      number: { value: 1 / 2, samples: 2 },
      object: { value: 1, samples: 1 },
    },
  })
})

test('limit, numerics and the options of the descriptor reach the workers', async () => {
  const preprocess = { ...MODEL.preprocess, scale: 2 }
  const dataset = { ...DATASET, options: { suffix: '1', maxNewTokens: 2, preprocess } }
  const { running, jobs, loaded } = evaluation(dataset, { limit: 1, numerics: 'device' })
  const { evaluation: result, answers } = await running
  expect(jobs.length).toBe(1)
  expect(jobs[0]).toMatchObject({
    model: { maxNewTokens: 2, preprocess, options: { numerics: 'device' } },
  })
  expect(loaded).toEqual(['v device', 'e device', 'd device'])
  // Pixel 1 scaled to 2, twice, and the question 1 with its suffix 1: 6; then 12 is 8, the end.
  expect(answers.map(({ answer }) => answer)).toEqual(['6'])
  expect(result).toMatchObject({ samples: 1, numerics: 'device' })
})

test('a model that gives NaN is scored and reported, not a crash', async () => {
  const broken = functionSession([], () => ({
    logits: { dtype: 'float32', shape: [1, 1, 1], data: Float32Array.of(Number.NaN) },
  }))
  const { running } = evaluation(DATASET, {}, broken)
  const { evaluation: result } = await running
  expect(result.value).toBe(0)
  expect(result.findings).toMatchObject([{ code: 'not-finite-logits', severity: 'warning' }])
})

test('no questions is a coded error', async () => {
  await expect(evaluation({ ...DATASET, samples: [] }).running).rejects.toMatchObject({
    code: 'empty-dataset',
  })
})

const CONFIG = { image_token_index: 3, eos_token_id: 2, max_position_embeddings: 256 }
const modelHost = (files: Readonly<Record<string, unknown>>) =>
  memoryHost(
    Object.fromEntries(
      Object.entries(files).map(([name, value]) => [`m/${name}`, JSON.stringify(value)]),
    ),
  )
const readModel = (files: Readonly<Record<string, unknown>>) =>
  readVlmModel(modelHost(files), 'm', MODEL.files, { numerics: 'device' })

test('what a model needs is read from its folder', async () => {
  const model = await readModel({
    'config.json': CONFIG,
    'preprocessor_config.json': { crop_size: 5 },
  })
  expect(model).toMatchObject({
    folder: 'm',
    files: MODEL.files,
    imageTokenId: 3,
    eosTokenIds: [2],
    maxNewTokens: 16,
    maxPositions: 256,
    options: { numerics: 'device' },
  })
  expect(model.preprocess.crop).toEqual({ height: 5, width: 5 })
})

test('generation_config.json goes first, and newer names are known', async () => {
  const model = await readModel({
    'config.json': {
      image_token_id: 4,
      eos_token_id: 2,
      text_config: { max_position_embeddings: 9 },
    },
    'generation_config.json': { eos_token_id: [5, 6], max_new_tokens: 8 },
    'preprocessor_config.json': {},
  })
  expect(model).toMatchObject({
    imageTokenId: 4,
    eosTokenIds: [5, 6],
    maxNewTokens: 8,
    maxPositions: 9,
  })
})

test.for(['image_token_index', 'eos_token_id', 'max_position_embeddings'])(
  'a config without %s is refused by name',
  async (key) => {
    const config = Object.fromEntries(Object.entries(CONFIG).filter(([name]) => name !== key))
    await expect(
      readModel({ 'config.json': config, 'preprocessor_config.json': {} }),
    ).rejects.toMatchObject({
      code: 'unsupported-model',
      message: `m/config.json: ${key} is missing.`,
    })
  },
)
