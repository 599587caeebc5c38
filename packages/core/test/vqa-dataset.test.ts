import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryHost } from './helpers/vqa-host.ts'
import { MixbitError } from '../src/base/error.ts'
import { loadVqaDataset } from '../src/tasks/dataset.ts'
import { spreadSamples } from '../src/tasks/samples.ts'
import { parseDescriptor } from '../src/tasks/descriptor.ts'

const DESCRIPTOR = {
  kind: 'vqav2',
  questions: 'q.json',
  annotations: 'a.json',
  images: 'p/{image_id:03}.jpg',
}
const QUESTIONS = {
  info: {},
  questions: [
    { question_id: 10, image_id: 1, question: 'red?' },
    { question_id: 11, image_id: 1, question: 'blue?' },
    { question_id: 20, image_id: 2, question: 'how many?' },
  ],
}
const annotation = (id: number, ...answers: readonly string[]): object => ({
  question_id: id,
  question_type: 'is',
  answer_type: 'yes/no',
  answers: answers.map((answer, index) => ({
    answer,
    answer_confidence: 'yes',
    answer_id: index + 1,
  })),
})
const FOUR = ['yes', 'yes', 'yes', 'no']
const ANNOTATIONS = {
  annotations: [annotation(20, ...FOUR), annotation(10, ...FOUR), annotation(11, ...FOUR)],
}

type Parts = {
  readonly descriptor?: unknown
  readonly questions?: unknown
  readonly annotations?: unknown
}

const files = (parts: Parts = {}): Record<string, string> => ({
  'd/set.json': JSON.stringify(parts.descriptor ?? DESCRIPTOR),
  'd/q.json': JSON.stringify(parts.questions ?? QUESTIONS),
  'd/a.json': JSON.stringify(parts.annotations ?? ANNOTATIONS),
  'd/p/001.jpg': '',
  'd/p/002.jpg': '',
})

const load = (parts: Parts = {}) =>
  loadVqaDataset(memoryHost(files(parts)), 'd/set.json', { labels: 'required' })

test('questions are joined with their answers, in the order of the questions', async () => {
  const { name, samples, findings, options } = await load()
  expect({ name, findings, options }).toEqual({ name: 'set', findings: [], options: {} })
  expect(samples.map(({ id }) => id)).toEqual([10, 11, 20])
  expect(samples[2]).toEqual({
    id: 20,
    imageId: 2,
    imageName: 'p/002.jpg',
    imagePath: 'd/p/002.jpg',
    question: 'how many?',
    questionType: 'is',
    answerType: 'yes/no',
    answers: FOUR,
  })
})

test('limit takes the first questions and spread takes evenly', async () => {
  const host = memoryHost(files())
  const limited = await loadVqaDataset(host, 'd/set.json', { labels: 'required', limit: 2 })
  expect(limited.samples.map(({ id }) => id)).toEqual([10, 11])
  const spread = await loadVqaDataset(host, 'd/set.json', { labels: 'required', spread: 1 })
  expect(spread.samples.map(({ id }) => id)).toEqual([20])
})

test('options of the descriptor come along', async () => {
  const descriptor = {
    ...DESCRIPTOR,
    prompt: '{question} <image>',
    suffix: '!',
    maxNewTokens: 3,
    preprocess: { size: [2, 2] },
  }
  const { options } = await load({ descriptor })
  expect(options).toMatchObject({ prompt: '{question} <image>', suffix: '!', maxNewTokens: 3 })
  expect(options.preprocess?.resize).toEqual({ kind: 'stretch', height: 2, width: 2 })
})

test('an annotation without its question is a finding', async () => {
  const annotations = { annotations: [...ANNOTATIONS.annotations, annotation(99, ...FOUR)] }
  const { samples, findings } = await load({ annotations })
  expect(samples.length).toBe(3)
  expect(findings).toMatchObject([{ code: 'annotation-without-question', severity: 'warning' }])
  expect(findings[0]?.message).toContain('99')
})

test('few answers and missing types are findings', async () => {
  const untyped = { question_id: 10, answers: [{ answer: 'yes' }] }
  const annotations = { annotations: [untyped, annotation(11, ...FOUR), annotation(20, ...FOUR)] }
  const { samples, findings } = await load({ annotations })
  expect(findings.map(({ code }) => code)).toEqual(['few-answers', 'missing-type'])
  expect(samples[0]).toMatchObject({ questionType: 'unspecified', answerType: 'unspecified' })
})

test('a question without its annotation is an error only where labels are needed', async () => {
  const annotations = { annotations: [annotation(10, ...FOUR), annotation(11, ...FOUR)] }
  await expect(load({ annotations })).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining('question 20'),
  })
  const host = memoryHost(files({ annotations }))
  const { samples, findings } = await loadVqaDataset(host, 'd/set.json', { labels: 'optional' })
  expect(samples.map(({ answers }) => answers.length)).toEqual([4, 4, 0])
  expect(findings).toEqual([])
})

test('a picture that is not there is named before any work starts', async () => {
  const { 'd/p/002.jpg': _, ...rest } = files()
  const loading = loadVqaDataset(memoryHost(rest), 'd/set.json', { labels: 'required' })
  await expect(loading).rejects.toMatchObject({
    code: 'missing-image',
    message: 'The picture "d/p/002.jpg" of question 20 in d/set.json does not exist.',
  })
  const limited = await loadVqaDataset(memoryHost(rest), 'd/set.json', {
    labels: 'required',
    limit: 2,
  })
  expect(limited.samples.length).toBe(2)
})

const question = (values: object): object => ({
  questions: [{ question_id: 1, image_id: 1, question: 'x', ...values }],
})

test.for([
  {
    name: 'an unknown key',
    descriptor: { ...DESCRIPTOR, image: 'x' },
    says: 'image: unknown key. Allowed here: kind, questions, annotations, images, prompt, suffix, maxNewTokens, preprocess.',
  },
  {
    name: 'no questions',
    descriptor: { kind: 'vqav2', images: '{image_id}' },
    says: 'questions is missing',
  },
  {
    name: 'no annotations',
    descriptor: { ...DESCRIPTOR, annotations: undefined },
    says: 'annotations is missing',
  },
  {
    name: 'an unknown kind',
    descriptor: { kind: 'vqa' },
    says: 'kind must be one of vqav2, images, coco-qa, textvqa, gqa, image-classification, coco-detection, text, sts, tensors; found "vqa"',
  },
  { name: 'no kind', descriptor: {}, says: 'found none' },
  {
    name: 'a kind without questions',
    descriptor: { kind: 'sts', pairs: 'a.tsv' },
    says: 'of kind sts, which has no questions about pictures',
  },
  { name: 'a list', descriptor: [], says: 'kind must be one of' },
  {
    name: 'a prompt without question',
    descriptor: { ...DESCRIPTOR, prompt: '<image>' },
    says: 'prompt: must have one {question}',
  },
  {
    name: 'a prompt with two pictures',
    descriptor: { ...DESCRIPTOR, prompt: '<image><image>{question}' },
    says: 'prompt: must have one <image>',
  },
  {
    name: 'a suffix with a picture',
    descriptor: { ...DESCRIPTOR, suffix: '<image>' },
    says: 'suffix: must not have <image>',
  },
  {
    name: 'no new tokens',
    descriptor: { ...DESCRIPTOR, maxNewTokens: 0 },
    says: 'maxNewTokens must be at least 1',
  },
  {
    name: 'a wrong nested key',
    descriptor: { ...DESCRIPTOR, preprocess: { size: [1, 1], x: 1 } },
    says: 'preprocess.x: unknown key. Allowed here: layout, size',
  },
  {
    name: 'an unknown placeholder',
    descriptor: { ...DESCRIPTOR, images: '{id}.jpg' },
    says: '"{id}" is not known',
  },
  {
    name: 'questions that are no list',
    questions: { questions: {} },
    says: 'd/q.json: questions must be a list',
  },
  {
    name: 'questions that are no object',
    questions: 7,
    says: 'd/q.json: the file must be an object',
  },
  {
    name: 'a question id of text',
    questions: question({ question_id: '1' }),
    says: 'questions[0].question_id must be a number',
  },
  {
    name: 'a broken number',
    questions: question({ question_id: 1.5 }),
    says: 'questions[0].question_id must be a whole number',
  },
  {
    name: 'no image id',
    questions: question({ image_id: undefined }),
    says: 'questions[0].image_id',
  },
  {
    name: 'a negative image id',
    questions: question({ image_id: -1 }),
    says: 'questions[0].image_id',
  },
  {
    name: 'a text id with zeros',
    questions: question({ image_id: 'x', question_id: 10 }),
    says: 'which zeros cannot fill up',
  },
  {
    name: 'a question twice',
    questions: { questions: [...QUESTIONS.questions, ...QUESTIONS.questions] },
    says: 'questions[3] repeats question_id 10',
  },
  {
    name: 'an annotation twice',
    annotations: { annotations: [annotation(10, 'a'), annotation(10, 'a')] },
    says: 'annotations[1] repeats question_id 10',
  },
  {
    name: 'no answers',
    annotations: { annotations: [annotation(10)] },
    says: 'annotations[0].answers must be at least 1 entries',
  },
  {
    name: 'an answer of a wrong type',
    annotations: { annotations: [{ question_id: 10, answers: ['yes'] }] },
    says: 'annotations[0].answers[0] must be an object',
  },
])('a data set with $name is refused', async ({ says, ...parts }) => {
  await expect(load(parts)).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining(says),
  })
})

test.for([
  { name: 'questions', descriptor: { ...DESCRIPTOR, questions: '../q.json' } },
  { name: 'annotations', descriptor: { ...DESCRIPTOR, annotations: '/etc/passwd' } },
  { name: 'images', descriptor: { ...DESCRIPTOR, images: 'p/../../{image_id}.jpg' } },
  {
    name: 'an image id',
    descriptor: { ...DESCRIPTOR, images: '{image_id}' },
    questions: question({ question_id: 10, image_id: '../../x' }),
  },
])('$name may not leave the folder of the descriptor', async (parts) => {
  await expect(load(parts)).rejects.toMatchObject({ code: 'path-outside' })
})

test('an empty data set is refused', async () => {
  await expect(load({ questions: { questions: [] } })).rejects.toMatchObject({
    code: 'empty-dataset',
  })
})

test('a file that is no JSON, or no text, is refused by name', async () => {
  const broken = { ...files(), 'd/q.json': '{"questions": [' }
  await expect(
    loadVqaDataset(memoryHost(broken), 'd/set.json', { labels: 'required' }),
  ).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining('"d/q.json" is not JSON'),
  })
  const binary = { ...files(), 'd/set.json': new Uint8Array([0xff, 0xfe, 0]) }
  await expect(
    loadVqaDataset(memoryHost(binary), 'd/set.json', { labels: 'required' }),
  ).rejects.toMatchObject({ code: 'invalid-dataset', message: '"d/set.json" is not UTF-8 text.' })
})

test('a file beyond the limit is refused before it is read', async () => {
  const host = memoryHost(files())
  const huge = {
    sizeInBytes: 512_000_001,
    name: 'q',
    read: () => Promise.reject(new TypeError('read')),
    close: () => Promise.resolve(),
  }
  const open = (path: string) => (path.endsWith('q.json') ? Promise.resolve(huge) : host.open(path))
  await expect(
    loadVqaDataset({ ...host, open }, 'd/set.json', { labels: 'required' }),
  ).rejects.toMatchObject({ code: 'limit-exceeded' })
})

test.for([
  {
    name: 'a folder',
    descriptor: { kind: 'images', images: 'p' },
    names: ['p/001.jpg', 'p/002.jpg'],
  },
  {
    name: 'a list of paths',
    descriptor: { kind: 'images', list: ['p/002.jpg'] },
    names: ['p/002.jpg'],
  },
  {
    name: 'a text file',
    descriptor: { kind: 'images', list: 'list.txt' },
    names: ['p/002.jpg', 'p/001.jpg'],
  },
])('pictures without labels come from $name', async ({ descriptor, names }) => {
  const host = memoryHost({
    ...files({ descriptor }),
    'd/list.txt': 'p/002.jpg\r\n\np/001.jpg\n',
    'd/p/notes.txt': '',
  })
  const { samples, findings } = await loadVqaDataset(host, 'd/set.json', { labels: 'optional' })
  expect(samples.map(({ imageName }) => imageName)).toEqual(names)
  expect(findings).toMatchObject([{ code: 'pictures-without-questions' }])
  await expect(loadVqaDataset(host, 'd/set.json', { labels: 'required' })).rejects.toMatchObject({
    code: 'invalid-dataset',
  })
})

test('a plain folder of pictures serves to calibrate', async () => {
  const { name, samples } = await loadVqaDataset(memoryHost(files()), 'd/p', { labels: 'optional' })
  expect(name).toBe('p')
  expect(samples.map(({ imagePath }) => imagePath)).toEqual(['d/p/001.jpg', 'd/p/002.jpg'])
})

test('either a folder or a list of pictures must be given', () => {
  for (const given of [{}, { images: 'p', list: ['x'] }]) {
    expect(() => parseDescriptor({ kind: 'images', ...given }, 'd')).toThrow(
      expect.objectContaining({ code: 'invalid-dataset' }),
    )
  }
})

test('spreadSamples takes exactly as many as asked for, in order, with even gaps', () => {
  expect(spreadSamples([1, 2, 3, 4, 5, 6], 3)).toEqual([2, 4, 6])
  expect(spreadSamples([1, 2], 5)).toEqual([1, 2])
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 200 }),
      (total, count) => {
        const all = Array.from({ length: total }, (_, index) => index)
        const some = spreadSamples(all, count)
        expect(some.length).toBe(Math.min(total, count))
        const gaps = some.slice(1).map((value, index) => value - (some[index] ?? 0))
        expect(Math.max(0, ...gaps) - Math.min(Infinity, ...gaps)).toBeLessThanOrEqual(1)
      },
    ),
  )
})

test('any broken data set gives a coded error or findings, never a crash', async () => {
  const text = Object.entries(files()).filter(([path]) => path.endsWith('.json'))
  await fc.assert(
    fc.asyncProperty(
      fc.nat(text.length - 1),
      fc.nat(400),
      fc.constantFrom(
        '',
        '0',
        '"',
        '{',
        '}',
        '[',
        ',',
        '-',
        'null',
        '1e999',
        '\\u0000',
        '__proto__',
      ),
      fc.nat(8),
      async (file, at, put, cut) => {
        const [path = '', content = ''] = text[file] ?? []
        const broken = content.slice(0, at) + put + content.slice(at + cut)
        const host = memoryHost({ ...files(), [path]: broken })
        const outcome = await loadVqaDataset(host, 'd/set.json', { labels: 'required' }).then(
          () => 'loaded',
          (error: unknown) => (error instanceof MixbitError ? 'refused' : String(error)),
        )
        expect(['loaded', 'refused']).toContain(outcome)
      },
    ),
    { numRuns: 500 },
  )
})

test('a value that is nested without end is refused, not walked', async () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000)
  const questions = `{"questions": [{"question_id": 1, "image_id": 1, "question": ${deep}}]}`
  const host = memoryHost({ ...files(), 'd/q.json': questions })
  await expect(loadVqaDataset(host, 'd/set.json', { labels: 'required' })).rejects.toMatchObject({
    message: 'd/q.json: questions[0].question must be text; found a list of 1.',
  })
})

test('PocketVQA loads as it ships', async () => {
  const root = new URL('../../../fixtures/pocket-vqa/', import.meta.url)
  const read = (path: string) => new Uint8Array(readFileSync(new URL(path, root)))
  const names = ['val.json', 'val_questions.json', 'val_annotations.json']
  const host = memoryHost(Object.fromEntries(names.map((name) => [`v/${name}`, read(name)])))
  const exists = (path: string) => {
    read(path.slice(2))
    return Promise.resolve(true)
  }
  const { samples, findings } = await loadVqaDataset({ ...host, exists }, 'v/val.json', {
    labels: 'required',
  })
  expect({ count: samples.length, findings }).toEqual({ count: 2000, findings: [] })
  expect(samples[0]).toMatchObject({
    id: 101,
    imageName: 'val/000001.jpg',
    question: 'what number is written in the picture?',
  })
  expect(new Set(samples.map(({ imagePath }) => imagePath)).size).toBe(400)
})
