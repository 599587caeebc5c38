import { expect, test } from 'vitest'
import { loadVqaDataset } from '../src/tasks/dataset.ts'
import { loadTaskDataset } from '../src/tasks/task-dataset.ts'
import { memoryHost } from './helpers/vqa-host.ts'

type Files = Readonly<Record<string, string | Uint8Array>>

const load = (descriptor: unknown, files: Files = {}, choice = {}) =>
  loadTaskDataset(
    memoryHost({ 'd/set.json': JSON.stringify(descriptor), ...files }),
    'd/set.json',
    {
      labels: 'required',
      ...choice,
    },
  )

const PICTURES: Files = {
  'd/p/cat/2.png': '',
  'd/p/cat/1.png': '',
  'd/p/cat/notes.txt': '',
  'd/p/ant/9.jpg': '',
  'd/p/dog/a b.jpg': '',
}

test('a folder a class: classes in name order, taking turns', async () => {
  const set = await load({ kind: 'image-classification', images: 'p' }, PICTURES)
  if (set.kind !== 'image-classification') throw new TypeError(set.kind)
  expect(set.samples.map(({ picture, label }) => [picture.name, label])).toEqual([
    ['p/ant/9.jpg', 0],
    ['p/cat/2.png', 1],
    ['p/dog/a b.jpg', 2],
    ['p/cat/1.png', 1],
  ])
  expect(set).toMatchObject({ name: 'set', labels: ['ant', 'cat', 'dog'], folders: 3 })
})

test('labels decide the class of a folder', async () => {
  const files = { ...PICTURES, 'd/names.txt': 'background\ndog\n\ncat\r\nant\n' }
  const descriptor = { kind: 'image-classification', images: 'p', labels: 'names.txt' }
  const set = await load(descriptor, files, { limit: 2 })
  if (set.kind !== 'image-classification') throw new TypeError(set.kind)
  expect(set.samples.map(({ label }) => label)).toEqual([3, 2])
  expect(set.folders).toBeNull()
})

test('a list of paths and classes', async () => {
  const list = 'p/dog/a b.jpg\t 7\r\n\np/ant/9.jpg 0\n'
  const set = await load(
    { kind: 'image-classification', list: 'l.txt' },
    { ...PICTURES, 'd/l.txt': list },
  )
  if (set.kind !== 'image-classification') throw new TypeError(set.kind)
  expect(set.samples.map(({ picture, label }) => [picture.path, label])).toEqual([
    ['d/p/dog/a b.jpg', 7],
    ['d/p/ant/9.jpg', 0],
  ])
})

const COCO = {
  images: [
    { id: 9, file_name: 'a.jpg', width: 1 },
    { id: 3, file_name: 'b.jpg' },
  ],
  categories: [
    { id: 18, name: 'dog', supercategory: 'animal' },
    { id: 1, name: 'person' },
  ],
  annotations: [{ id: 1, image_id: 3, category_id: 18, bbox: [1, 2, 3, 4], area: 10, iscrowd: 1 }],
}
const DETECTION = { kind: 'coco-detection', annotations: 'c.json', images: 'v' }
const withCoco = (coco: unknown): Files => ({
  'd/c.json': JSON.stringify(coco),
  'd/v/a.jpg': '',
  'd/v/b.jpg': '',
})

test('pictures of a COCO file come with their objects', async () => {
  const set = await load({ ...DETECTION, head: 'yolox', maxDetections: 5 }, withCoco(COCO))
  if (set.kind !== 'coco-detection') throw new TypeError(set.kind)
  expect(set.samples.map(({ id, picture, objects }) => [id, picture.path, objects.length])).toEqual(
    [
      [9, 'd/v/a.jpg', 0],
      [3, 'd/v/b.jpg', 1],
    ],
  )
  expect(set.samples[1]?.objects[0]).toMatchObject({ categoryId: 18, area: 10, isCrowd: true })
  expect(set.categories.map(({ id }) => id)).toEqual([1, 18])
  expect(set.settings).toEqual({
    head: 'yolox',
    confidence: null,
    iou: null,
    mostFound: 5,
    ssd: {},
  })
})

test('pairs of sentences, with or without a header', async () => {
  const files = { 'd/s.tsv': 'sentence1\tsentence2\tscore\na\tb c\t4.5\r\n\nd\te\t0\n' }
  const set = await load({ kind: 'sts', pairs: 's.tsv' }, files)
  if (set.kind !== 'sts') throw new TypeError(set.kind)
  expect(set.samples).toEqual([
    { id: 2, first: 'a', second: 'b c', score: 4.5 },
    { id: 4, first: 'd', second: 'e', score: 0 },
  ])
})

test('texts, with windows that do not overlap by default', async () => {
  const set = await load({ kind: 'text', list: ['a.txt'], window: 8 }, { 'd/a.txt': 'hello' })
  expect(set).toMatchObject({ window: 8, stride: 8, tokenizer: null, texts: [{ text: 'hello' }] })
})

const npy = (descr: string, shape: string, values: Uint8Array): Uint8Array => {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }\n`
  const prefix = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]
  return Uint8Array.from([...prefix, ...new TextEncoder().encode(header), ...values])
}
const X = npy('|u1', '3, 2', Uint8Array.of(1, 2, 3, 4, 5, 6))

const loadFolder = (files: Files, labels: 'required' | 'optional' = 'optional', choice = {}) =>
  loadTaskDataset(memoryHost(files), 'd', { labels, ...choice })

test('a folder of .npy files: one an input, by its name', async () => {
  const mask = npy('<i8', '3, 1', new Uint8Array(24))
  const files = { 'd/a.mask.npy': mask, 'd/notes.txt': '', 'd/x.npy': X }
  expect(await loadFolder(files, 'optional', { spread: 2 })).toEqual({
    kind: 'tensors',
    name: 'd',
    findings: [],
    files: [
      { path: 'd/a.mask.npy', input: 'a.mask' },
      { path: 'd/x.npy', input: 'x' },
    ],
    output: null,
    samples: [
      { index: 1, label: null },
      { index: 2, label: null },
    ],
  })
})

test.for([
  {
    name: 'pictures beside .npy files',
    files: { 'd/x.npy': X, 'd/1.png': '' },
    code: 'invalid-dataset',
    says: 'd has pictures and .npy files',
  },
  {
    name: 'inputs of different numbers of samples',
    files: { 'd/x.npy': X, 'd/z.npy': npy('|u1', '2,', Uint8Array.of(1, 2)) },
    code: 'invalid-dataset',
    says: '"x" has 3 samples and "z" has 2',
  },
  {
    name: 'a .npy file that is cut',
    files: { 'd/x.npy': X.slice(0, -1) },
    code: 'truncated',
    says: 'd/x.npy',
  },
  { name: 'nothing to use', files: { 'd/a.txt': '' }, code: 'empty-dataset', says: 'd has no' },
])('a folder of $name is refused', async ({ files, code, says }) => {
  await expect(loadFolder(files)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(says),
  })
})

test('a folder of .npy files has no labels to score', async () => {
  await expect(loadFolder({ 'd/x.npy': X }, 'required')).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining('labels'),
  })
})

test('tensors with labels', async () => {
  const files = { 'd/x.npy': X, 'd/y.npy': npy('|u1', '3,', Uint8Array.of(0, 2, 1)) }
  const set = await load({ kind: 'tensors', inputs: { x: 'x.npy' }, labels: 'y.npy' }, files, {
    spread: 2,
  })
  if (set.kind !== 'tensors') throw new TypeError(set.kind)
  expect(set.samples).toEqual([
    { index: 1, label: 2 },
    { index: 2, label: 1 },
  ])
})

test('tensors without labels, and pictures without labels, only where none are needed', async () => {
  const tensors = { kind: 'tensors', inputs: { x: 'x.npy' } }
  await expect(load(tensors, { 'd/x.npy': X })).rejects.toMatchObject({ code: 'invalid-dataset' })
  const set = await load(tensors, { 'd/x.npy': X }, { labels: 'optional' })
  expect(set).toMatchObject({ kind: 'tensors', samples: [{ label: null }, {}, {}] })
  const images = { kind: 'images', images: 'p/cat' }
  await expect(load(images, PICTURES)).rejects.toMatchObject({ code: 'invalid-dataset' })
  expect(await load(images, PICTURES, { labels: 'optional' })).toMatchObject({ kind: 'images' })
})

const list = (text: string): Files => ({ ...PICTURES, 'd/l.txt': text })
const LISTED = { kind: 'image-classification', list: 'l.txt' }

test.for<{ name: string; descriptor: unknown; files?: Files; says: string }>([
  {
    name: 'an unknown key',
    descriptor: { kind: 'text', text: 'a', windows: 3 },
    says: 'windows: unknown key. Allowed here: kind, text, list, tokenizer, window, stride, output.',
  },
  {
    name: 'neither folder nor list',
    descriptor: { kind: 'image-classification' },
    says: 'give either "images"',
  },
  {
    name: 'both',
    descriptor: { ...LISTED, images: 'p' },
    files: PICTURES,
    says: 'give either "images"',
  },
  {
    name: 'a line without class',
    descriptor: LISTED,
    files: list('p/ant/9.jpg\n'),
    says: 'line 1 is "p/ant/9.jpg"',
  },
  {
    name: 'a class that has no name',
    descriptor: { ...LISTED, labels: ['a'] },
    files: list('p/ant/9.jpg 1\n'),
    says: 'line 1 has the class 1; "labels" names 1',
  },
  {
    name: 'a folder that has no name',
    descriptor: { kind: 'image-classification', images: 'p', labels: ['cat', 'ant'] },
    files: PICTURES,
    says: 'the folder "dog" must be in "labels" once',
  },
  {
    name: 'a letterbox with a crop',
    descriptor: { ...LISTED, preprocess: { size: [4, 4], resize: 'letterbox', crop: 'center' } },
    says: 'preprocess.crop must not be there',
  },
  {
    name: 'an unknown resize',
    descriptor: { ...LISTED, preprocess: { size: [4, 4], resize: 'pad' } },
    says: 'preprocess.resize',
  },
  {
    name: 'an unknown head',
    descriptor: { ...DETECTION, head: 'yolo' },
    files: withCoco(COCO),
    says: 'head must be "yolov5" or',
  },
  {
    name: 'labels and class ids',
    descriptor: { ...DETECTION, labels: ['dog'], classIds: 'index' },
    says: '"classIds" must not be there',
  },
  {
    name: 'labels of another data set',
    descriptor: { ...DETECTION, labels: ['fish'] },
    files: withCoco(COCO),
    says: 'none of the 1 "labels" is the name of a category',
  },
  {
    name: 'an object in no picture',
    descriptor: DETECTION,
    files: withCoco({ ...COCO, annotations: [{ ...COCO.annotations[0], image_id: 4 }] }),
    says: 'annotations[0].image_id is 4, which is not in images',
  },
  {
    name: 'an object of no category',
    descriptor: DETECTION,
    files: withCoco({ ...COCO, annotations: [{ ...COCO.annotations[0], category_id: 2 }] }),
    says: 'annotations[0].category_id is 2, which is not in categories',
  },
  {
    name: 'a box of negative width',
    descriptor: DETECTION,
    files: withCoco({ ...COCO, annotations: [{ ...COCO.annotations[0], bbox: [1, 1, -1, 1] }] }),
    says: 'annotations[0].bbox[2] must be at least 0',
  },
  {
    name: 'a picture twice',
    descriptor: DETECTION,
    files: withCoco({ ...COCO, images: [COCO.images[0], COCO.images[0]] }),
    says: 'images[1] repeats the id 9',
  },
  {
    name: 'a stride above the window',
    descriptor: { kind: 'text', text: 'a.txt', window: 4, stride: 5 },
    says: 'stride 5 is above window 4',
  },
  {
    name: 'a pair of two',
    descriptor: { kind: 'sts', pairs: 's.tsv' },
    files: { 'd/s.tsv': 'a\tb\n' },
    says: 'line 1 must be a sentence, a tab',
  },
  {
    name: 'a score that is no number',
    descriptor: { kind: 'sts', pairs: 's.tsv' },
    files: { 'd/s.tsv': 'a\tb\t1\na\tb\thigh' },
    says: 'line 2 must be',
  },
  {
    name: 'inputs of another form',
    descriptor: { kind: 'tensors', inputs: { x: 'x.csv' } },
    says: 'found "x.csv"',
  },
  { name: 'no inputs', descriptor: { kind: 'tensors', inputs: {} }, says: 'found none' },
  {
    name: 'labels too few',
    descriptor: { kind: 'tensors', inputs: { x: 'x.npy' }, labels: 'y.npy' },
    files: { 'd/x.npy': X, 'd/y.npy': npy('|u1', '2,', Uint8Array.of(0, 1)) },
    says: '2 labels for 3 samples',
  },
  {
    name: 'a label below 0',
    descriptor: { kind: 'tensors', inputs: { x: 'x.npy' }, labels: 'y.npy' },
    files: { 'd/x.npy': X, 'd/y.npy': npy('|i1', '3,', Uint8Array.of(0, 255, 0)) },
    says: 'label 1 is -1',
  },
  {
    name: 'inputs of different length',
    descriptor: { kind: 'tensors', inputs: { x: 'x.npy', z: 'z.npy' }, labels: 'x.npy' },
    files: { 'd/x.npy': X, 'd/z.npy': npy('|u1', '2,', Uint8Array.of(0, 1)) },
    says: '"x" has 3 samples and "z" has 2',
  },
  {
    name: 'questions',
    descriptor: { kind: 'gqa', questions: 'g', images: '{image_id}' },
    says: 'which asks questions about pictures',
  },
])('a data set with $name is refused', async ({ descriptor, files = {}, says }) => {
  await expect(load(descriptor, files)).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining(says),
  })
})

test.for<{ name: string; descriptor: unknown; files?: Files }>([
  { name: 'a folder of classes', descriptor: { kind: 'image-classification', images: '../p' } },
  { name: 'a listed picture', descriptor: LISTED, files: list('../x.jpg 1\n') },
  { name: 'labels', descriptor: { ...LISTED, labels: '/etc/passwd' } },
  {
    name: 'a COCO picture',
    descriptor: DETECTION,
    files: withCoco({ ...COCO, images: [{ id: 3, file_name: '../../x.jpg' }] }),
  },
  { name: 'a text', descriptor: { kind: 'text', text: '../../a.txt' } },
  {
    name: 'a tokenizer',
    descriptor: { kind: 'text', text: 'a.txt', tokenizer: '../m' },
    files: { 'd/a.txt': 'x' },
  },
  { name: 'pairs', descriptor: { kind: 'sts', pairs: '../s.tsv' } },
  { name: 'tensors', descriptor: { kind: 'tensors', inputs: '../x.safetensors', labels: 'y.npy' } },
])('$name may not leave the folder of the descriptor', async ({ descriptor, files = {} }) => {
  await expect(load(descriptor, files)).rejects.toMatchObject({ code: 'path-outside' })
})

test('a picture that is not there is named before any work starts', async () => {
  await expect(load(LISTED, list('p/ant/9.jpg 1\np/no.jpg 2\n'))).rejects.toMatchObject({
    code: 'missing-image',
    message: expect.stringContaining('d/p/no.jpg'),
  })
})

test('nothing to look at is refused', async () => {
  await expect(load(LISTED, list('\n'))).rejects.toMatchObject({ code: 'empty-dataset' })
  const empty = withCoco({ ...COCO, annotations: [] })
  await expect(load(DETECTION, empty)).rejects.toMatchObject({ code: 'empty-dataset' })
})

test.for([
  {
    kind: 'coco-qa',
    descriptor: {
      kind: 'coco-qa',
      questions: 'q',
      answers: 'a',
      imageIds: 'i',
      types: 't',
      images: 'v/{image_id:03}.jpg',
    },
    scoring: 'coco-qa',
    first: { questionType: 'color', answers: ['red'], imagePath: 'd/v/007.jpg' },
  },
  {
    kind: 'gqa',
    descriptor: { kind: 'gqa', questions: 'g.json', images: 'v/{image_id}.jpg' },
    scoring: 'gqa',
    first: { question: 'which?', answers: ['left'], imagePath: 'd/v/007.jpg' },
  },
  {
    kind: 'textvqa',
    descriptor: { kind: 'textvqa', questions: 't.json', images: 'v/{image_id}.jpg' },
    scoring: 'textvqa',
    first: { id: 5, answers: ['stop'], imagePath: 'd/v/007.jpg' },
  },
])(
  'questions of kind $kind are loaded with their scoring',
  async ({ descriptor, scoring, first }) => {
    const host = memoryHost({
      'd/set.json': JSON.stringify(descriptor),
      'd/q': 'what color is it\n',
      'd/a': 'red\n',
      'd/i': '7\n',
      'd/t': '2\n',
      'd/g.json': '{"02": {"imageId": "007", "question": "which?", "answer": "left"}}',
      'd/t.json': JSON.stringify({
        data: [{ question_id: 5, image_id: '007', question: 'what?', answers: ['stop'] }],
      }),
      'd/v/007.jpg': '',
    })
    const set = await loadVqaDataset(host, 'd/set.json', { labels: 'required' })
    expect(set.scoring).toBe(scoring)
    expect(set.samples[0]).toMatchObject(first)
  },
)
