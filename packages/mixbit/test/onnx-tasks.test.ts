import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, expect, test } from 'vitest'
import { createNodeHost, evaluateFile } from '../src/index.ts'
import { Dtype, onnxModel } from './host-models.ts'

// Tasks on real files, tokenizers, pictures and the real runtime, with models whose answer is known.

const folder = mkdtempSync(join(tmpdir(), 'mixbit-onnx-tasks-'))
const at = (name: string): string => join(folder, name)
const nano = join(import.meta.dirname, '../../../fixtures/fastvlm-nano')
const VOCABULARY = 512

afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** Measures `model` on `data`; the folder of both has fastvlm-nano's tokenizer. */
async function evaluate(name: string, model: Uint8Array, data: unknown) {
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(join(nano, file), at(file))
  }
  writeFileSync(at(`${name}.onnx`), model)
  writeFileSync(at(`${name}.json`), JSON.stringify(data))
  const host = createNodeHost({ workers: 0 })
  try {
    const how = { limit: null, numerics: 'faithful', stage: 'evaluate', now: () => 0 } as const
    const paths = { path: at(`${name}.onnx`), data: at(`${name}.json`) }
    return (await evaluateFile(host, { ...paths, ...how })).evaluation
  } finally {
    await host.dispose()
  }
}

/** One row of a table for each token: `output`, shape (1, tokens, columns). */
function tableModel(
  output: string,
  rows: number,
  columns: number,
  values: Float32Array,
): Uint8Array {
  return onnxModel(
    [{ opType: 'Gather', input: ['table', 'input_ids'], output: [output] }],
    [{ name: 'input_ids', dtype: Dtype.INT64, shape: [1, 'tokens'] }],
    [{ name: output, dtype: Dtype.FLOAT, shape: [1, 'tokens', columns] }],
    [
      {
        name: 'table',
        dims: [BigInt(rows), BigInt(columns)],
        dataType: Dtype.FLOAT,
        rawData: new Uint8Array(values.buffer),
      },
    ],
  )
}

test('a language model that knows nothing has the perplexity of its vocabulary', async () => {
  writeFileSync(
    at('text.txt'),
    'How many circles are there in the picture? There are two circles.\n',
  )
  const model = tableModel('logits', VOCABULARY, VOCABULARY, new Float32Array(VOCABULARY ** 2))
  const evaluation = await evaluate('text', model, {
    kind: 'text',
    text: 'text.txt',
    window: 4,
    stride: 2,
  })
  expect(evaluation).toMatchObject({ metric: 'perplexity', findings: [] })
  expect(evaluation.value).toBeCloseTo(VOCABULARY, 9)
  // Every draw has the same loss.
  expect(evaluation.low).toBeCloseTo(VOCABULARY, 9)
  expect(evaluation.metrics['tokens']).toBeGreaterThan(5)
})

test('logits that are not numbers give no perplexity, and a finding', async () => {
  const values = new Float32Array(VOCABULARY ** 2)
  for (let row = 0; row < VOCABULARY; row++) values[row * VOCABULARY + 511] = Number.NaN
  writeFileSync(at('text.txt'), 'two circles')
  const model = tableModel('logits', VOCABULARY, VOCABULARY, values)
  const evaluation = await evaluate('broken', model, { kind: 'text', text: 'text.txt' })
  expect(evaluation).toMatchObject({
    value: null,
    low: null,
    high: null,
    findings: [{ code: 'not-finite-perplexity' }],
  })
})

test('sentences with more words in common are more alike', async () => {
  // A vector of its own for each token: the cosine of two means counts the words in common.
  const values = new Float32Array(VOCABULARY ** 2)
  for (let row = 0; row < VOCABULARY; row++) values[row * VOCABULARY + row] = 1
  const lines = [
    'sentence1\tsentence2\tscore',
    'red circle\tred circle\t5',
    'red circle on the left\tred circle on the right\t4.2',
    'red circle on the left\tred square on the right\t3',
    'red circle\tblue square\t0.5',
  ]
  writeFileSync(at('pairs.tsv'), lines.join('\n'))
  const model = tableModel('last_hidden_state', VOCABULARY, VOCABULARY, values)
  const evaluation = await evaluate('sts', model, { kind: 'sts', pairs: 'pairs.tsv' })
  // At 1 Fisher's z has no end, so there is no interval.
  expect(evaluation).toMatchObject({ metric: 'spearman', low: null, high: null, samples: 4 })
  expect(evaluation.value).toBeCloseTo(1, 12)
  expect(evaluation.metrics['pearson']).toBeGreaterThan(0.9)
})

/** Gives the same boxes for every picture, in pixels of its 32 x 32 input: (1, boxes, 6). */
function boxesModel(rows: readonly (readonly number[])[]): Uint8Array {
  const values = Float32Array.from(rows.flat())
  return onnxModel(
    [
      { opType: 'ReduceMax', input: ['picture'], output: ['largest'] },
      { opType: 'Sub', input: ['largest', 'largest'], output: ['nothing'] },
      { opType: 'Flatten', input: ['nothing'], output: ['flat'] },
      { opType: 'Add', input: ['boxes', 'flat'], output: ['found'] },
    ],
    [{ name: 'picture', dtype: Dtype.FLOAT, shape: [1, 3, 32, 32] }],
    [{ name: 'found', dtype: Dtype.FLOAT, shape: [1, rows.length, 6] }],
    [
      {
        name: 'boxes',
        dims: [1n, BigInt(rows.length), 6n],
        dataType: Dtype.FLOAT,
        rawData: new Uint8Array(values.buffer),
      },
    ],
  )
}

test('boxes are brought back from the letterbox to the picture', async () => {
  mkdirSync(at('photos'))
  const grey = { r: 90, g: 90, b: 90 }
  const picture = { create: { width: 64, height: 32, channels: 3, background: grey } } as const
  await sharp(picture).png().toFile(at('photos/a.png'))
  // Halved to 32 x 16 and 8 pixels down: (20, 4) to (40, 28) lies at (10, 10) to (20, 22).
  const boxes = [
    [10, 10, 20, 22, 0.9, 1],
    [0, 8, 4, 12, 0.8, 0],
  ]
  const truth = { image_id: 7, category_id: 30, bbox: [20, 4, 20, 24], area: 480, iscrowd: 0 }
  const coco = {
    images: [{ id: 7, file_name: 'a.png' }],
    categories: [
      { id: 20, name: 'square' },
      { id: 30, name: 'circle' },
    ],
    annotations: [{ id: 1, ...truth }],
  }
  writeFileSync(at('coco.json'), JSON.stringify(coco))
  const data = { kind: 'coco-detection', annotations: 'coco.json', images: 'photos' }
  const evaluation = await evaluate('boxes', boxesModel(boxes), {
    ...data,
    head: 'end-to-end',
    preprocess: { size: [32, 32], resize: 'letterbox' },
  })
  // The square that is not there is of a category without objects, which does not count.
  expect(evaluation).toMatchObject({
    metric: 'coco-map',
    value: expect.closeTo(1, 12),
    samples: 1,
    metrics: { apSmall: expect.closeTo(1, 12), apLarge: null },
    findings: [],
  })
  const assumed = await evaluate('boxes', boxesModel(boxes), data)
  expect(assumed.value).toBeCloseTo(1, 12)
  expect(assumed.findings.map(({ code }) => code)).toEqual([
    'assumed-preprocessing',
    'recognised-head',
  ])
})
