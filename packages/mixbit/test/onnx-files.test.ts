import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareOnnxFiles, createNodeHost, evaluateFile } from '../src/index.ts'
import { mixbit, mixbitJson } from './built-mixbit.ts'
import {
  colourClassifier,
  labelFile,
  oneHotFeatures,
  splitClassifier,
  tinyClassifier,
} from './tiny-onnx.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-onnx-files-'))
const at = (name: string): string => join(folder, name)
const model = at('tiny.onnx')
const one = ['--workers', '1']

/** 8 samples; the label of the last is wrong on purpose. */
const LABELS = [0, 1, 2, 3, 0, 1, 2, 0]

function describeData(name: string, descriptor: unknown): string {
  writeFileSync(at(name), JSON.stringify(descriptor))
  return at(name)
}

/** The model measured in this thread: as the command does, only faster. */
async function evaluated(data: string): Promise<unknown> {
  const host = createNodeHost({ workers: 0 })
  try {
    const how = { limit: null, numerics: 'faithful', stage: 'evaluate', now: () => 0 } as const
    return (await evaluateFile(host, { path: model, data, ...how })).evaluation
  } finally {
    await host.dispose()
  }
}

const labelled = (): string =>
  describeData('labelled.json', { kind: 'tensors', inputs: { x: 'x.npy' }, labels: 'y.npy' })
const unlabelled = (): string =>
  describeData('unlabelled.json', { kind: 'tensors', inputs: { x: 'x.npy' } })

beforeAll(() => {
  writeFileSync(model, tinyClassifier())
  writeFileSync(at('x.npy'), oneHotFeatures(LABELS.length))
  writeFileSync(at('y.npy'), labelFile(LABELS))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('audit names the one component, its weights and what they are', async () => {
  const { code, json } = await mixbitJson(['audit', model, ...one])
  expect(code).toBe(0)
  expect(json).toMatchObject({
    schema: 'mixbit/audit@1',
    format: 'onnx',
    bytes: statSync(model).size,
    parameters: 768,
    components: { model: { parameters: 768, bytes: 3072, layers: 2 } },
    weights: [
      { layer: 'model.first', role: 'linear', dtype: 'float32', outputAxis: 0, inputAxis: 1 },
      { layer: 'model.second', role: 'linear', dtype: 'float32' },
    ],
    findings: [],
  })
})

describe('plan', () => {
  test('without options every weight becomes int8 per channel, for onnx', async () => {
    const { code, json } = await mixbitJson(['plan', model, ...one])
    expect(code).toBe(0)
    expect(json).toMatchObject({
      schema: 'mixbit/plan@1',
      target: 'onnx',
      preset: null,
      layers: [
        { layer: 'model.first', scheme: { dtype: 'int8', granularity: { kind: 'per-channel' } } },
        { layer: 'model.second', scheme: { dtype: 'int8', granularity: { kind: 'per-channel' } } },
      ],
      // 768 codes, a float32 scale for each of the 64 and 4 output channels.
      bytes: 768 + 4 * (64 + 4),
    })
  })

  test('what to do next with its file names an output that quantize takes', async () => {
    const { code, stdout } = await mixbit(['plan', model, '-o', at('next.json'), ...one])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Next: mixbit quantize .+ --plan .+ -o <name>\.onnx$/mu)
  })

  test('a target that a single file cannot become is refused', async () => {
    const { code, json } = await mixbitJson(['plan', model, '--target', 'transformers-js', ...one])
    expect(code).toBe(2)
    expect(json).toMatchObject({ error: { code: 'unsupported-target' } })
  })

  test('a pattern that matches no weight is refused and names near ones', async () => {
    const { code, json } = await mixbitJson(['plan', model, '--layer', 'model.frist=fp32', ...one])
    expect(code).toBe(2)
    expect(json).toMatchObject({ error: { code: 'pattern-without-match' } })
    expect(JSON.stringify(json)).toContain('model.first')
  })
})

describe('quantize', () => {
  const output = at('deep/er/q.onnx')

  test('writes a smaller file, making its folder, and says what it wrote', async () => {
    const { code, json } = await mixbitJson(['quantize', model, '-o', output, ...one])
    expect(code).toBe(0)
    expect(json).toMatchObject({
      schema: 'mixbit/quantization@1',
      output,
      bytes: statSync(output).size,
      findings: [],
    })
    expect(statSync(output).size).toBeLessThan(statSync(model).size * 0.7)
    expect(existsSync(`${output}_data`)).toBe(false)
  })

  test('does not replace a file unless it is forced to, and gives the same bytes again', async () => {
    const before = readFileSync(output)
    const refused = await mixbitJson(['quantize', model, '-o', output, ...one])
    expect(refused).toMatchObject({ code: 2, json: { error: { code: 'output-exists' } } })
    expect(refused.stderr).toMatch(/^error output-exists: /mu)
    const forced = await mixbitJson(['quantize', model, '-o', output, '--force', ...one])
    expect(forced.code).toBe(0)
    expect(readFileSync(output)).toEqual(before)
  })

  test.for([
    { name: 'a folder as the output', output: at('folder'), code: 'usage' },
    { name: 'the model itself as the output', output: model, code: 'usage' },
    { name: 'a file as the folder', output: join(model, 'q.onnx'), code: 'not-writable' },
  ])('refuses $name', async ({ output, code }) => {
    const ended = await mixbitJson(['quantize', model, '-o', output, '--force', ...one])
    expect(ended).toMatchObject({ code: 2, json: { error: { code } } })
  })

  test('stores what an edited plan says', async () => {
    const { json } = await mixbitJson(['plan', model, '--precision', 'fp32', ...one])
    const edited = JSON.stringify(json).replace(
      '"scheme":{"kind":"float","dtype":"float32"}',
      '"scheme":{"kind":"affine","dtype":"int8","symmetric":true,"granularity":{"kind":"per-channel","axis":0},"scaleDtype":"float32"}',
    )
    writeFileSync(at('edited.json'), edited)
    const { code } = await mixbitJson(
      ['quantize', model, '--plan', at('edited.json')],
      ['-o', at('edited.onnx'), ...one],
    )
    expect(code).toBe(0)
    const text = readFileSync(at('edited.onnx'), 'latin1')
    expect(text).toContain('first_quantized')
    expect(text).not.toContain('second_quantized')
  })

  test('refuses a file that is no ONNX model', async () => {
    writeFileSync(at('broken.onnx'), 'no model')
    const ended = await mixbitJson(['quantize', at('broken.onnx'), '-o', at('b.onnx'), ...one])
    expect(ended).toMatchObject({ code: 2, json: { error: { code: 'malformed' } } })
    expect(existsSync(at('b.onnx'))).toBe(false)
  })
})

describe('evaluate', () => {
  test('scores ready-made inputs: seven of eight', async () => {
    const { code, json } = await mixbitJson(['evaluate', model, '--data', labelled(), ...one])
    expect(code).toBe(0)
    expect(json).toMatchObject({
      schema: 'mixbit/evaluation@1',
      metric: 'top1-accuracy',
      value: 0.875,
      samples: 8,
      metrics: { 'top5-accuracy': 1 },
      data: 'labelled',
      findings: [],
    })
    // Wilson's interval of 7 of 8, from statsmodels' proportion_confint.
    expect(json).toHaveProperty('low', expect.closeTo(0.529112, 6))
    expect(json).toHaveProperty('high', expect.closeTo(0.977583, 6))
  })

  test('in this thread the numbers are the same', async () => {
    expect(await evaluated(labelled())).toMatchObject({ value: 0.875, samples: 8 })
  })

  test('shows accuracy and interval in percent', async () => {
    const limited = ['--data', labelled(), '--limit', '4']
    const { stdout } = await mixbit(['evaluate', model, ...limited, '--quiet', ...one])
    // Wilson's interval of 4 of 4.
    expect(stdout).toMatch(/^100\.00 % {2}top1-accuracy on labelled, 4 samples in /u)
    expect(stdout).toContain('95 % interval: 51.01 % to 100.00 %')
    expect(stdout).toMatch(/top5-accuracy-low +51\.01 %/u)
  })

  test.for([
    {
      name: 'data without labels',
      data: { kind: 'tensors', inputs: { x: 'x.npy' } },
      code: 'invalid-dataset',
    },
    {
      name: 'an input that the model does not have',
      data: { kind: 'tensors', inputs: { z: 'x.npy' }, labels: 'y.npy' },
      code: 'invalid-dataset',
    },
    {
      name: 'samples of another shape',
      data: { kind: 'tensors', inputs: { x: 'y.npy' }, labels: 'y.npy' },
      code: 'wrong-shape',
    },
    {
      name: 'a class that the model does not have',
      data: { kind: 'tensors', inputs: { x: 'x.npy' }, labels: 'high.npy' },
      code: 'invalid-dataset',
    },
    {
      name: 'an output that the model does not have',
      data: { kind: 'tensors', inputs: { x: 'x.npy' }, labels: 'y.npy', output: 'nothing' },
      code: 'unsupported-model',
    },
    {
      name: 'a file outside of the folder',
      data: { kind: 'tensors', inputs: { x: '../x.npy' }, labels: 'y.npy' },
      code: 'path-outside',
    },
    {
      name: 'questions about pictures',
      data: { kind: 'textvqa', questions: 'q.json', images: '{image_id}.jpg' },
      code: 'invalid-dataset',
    },
  ])('refuses $name', async ({ data, code }) => {
    writeFileSync(at('high.npy'), labelFile(LABELS.map(() => 4)))
    const path = describeData('refused.json', data)
    await expect(evaluated(path)).rejects.toMatchObject({ name: 'MixbitError', code })
  })

  test('classifies the pictures of class folders, and says what it assumed', async () => {
    writeFileSync(at('colours.onnx'), colourClassifier())
    const colours = [
      ['a-red', { r: 200, g: 10, b: 10 }],
      ['b-green', { r: 10, g: 200, b: 10 }],
      // Blue pictures that are red, to be classified wrong.
      ['c-blue', { r: 200, g: 10, b: 10 }],
    ] as const
    for (const [name, background] of colours) {
      mkdirSync(at(`pictures/${name}`), { recursive: true })
      const picture = { create: { width: 6, height: 5, channels: 3, background } } as const
      await sharp(picture)
        .png()
        .toFile(at(`pictures/${name}/1.png`))
    }
    const path = describeData('pictures.json', { kind: 'image-classification', images: 'pictures' })
    const { code, json } = await mixbitJson([
      'evaluate',
      at('colours.onnx'),
      '--data',
      path,
      ...one,
    ])
    expect(code).toBe(0)
    expect(json).toMatchObject({
      metric: 'top1-accuracy',
      value: expect.closeTo(2 / 3, 12),
      samples: 3,
      findings: [{ code: 'assumed-preprocessing', severity: 'warning' }],
    })
  })
})

describe('compare', () => {
  const other = at('other.onnx')

  beforeAll(async () => {
    const { code, stderr } = await mixbitJson(
      ['quantize', model, '--precision', 'int4', '-o', other, ...one],
      ['--layer', 'model.first=fp32'],
    )
    if (code !== 0) throw new Error(stderr)
  })

  test('layers says where the difference starts: behind the weight that was changed', async () => {
    const { json } = await mixbitJson([
      'compare',
      model,
      other,
      '--data',
      unlabelled(),
      '--layers',
      ...one,
    ])
    // Nothing before the second weight moved.
    expect(json).toMatchObject({
      schema: 'mixbit/comparison@1',
      samples: 8,
      outputs: [
        { name: 'scores', values: 32, notFinite: 0, sqnrDb: expect.any(Number), top1Agreement: 1 },
      ],
      layers: [
        { name: 'hidden', mse: 0, sqnrDb: null, values: 8 * 64 },
        { name: 'active', mse: 0, sqnrDb: null },
      ],
    })
  })

  test('two models without an output in common are refused', async () => {
    writeFileSync(at('renamed.onnx'), tinyClassifier('result'))
    const ended = await mixbitJson([
      'compare',
      model,
      at('renamed.onnx'),
      '--data',
      unlabelled(),
      ...one,
    ])
    expect(ended).toMatchObject({ code: 2, json: { error: { code: 'wrong-shape' } } })
  })

  test('values inside are found behind external data too', async () => {
    const { graph, data } = splitClassifier('split.bin')
    writeFileSync(at('split.onnx'), graph)
    writeFileSync(at('split.bin'), data)
    const host = createNodeHost({ workers: 0 })
    try {
      const comparison = await compareOnnxFiles(host, {
        reference: at('split.onnx'),
        candidate: other,
        data: unlabelled(),
        limit: 3,
        numerics: 'faithful',
        depth: 'each-layer',
        scratch: folder,
      })
      expect(comparison).toMatchObject({
        samples: 3,
        layers: [{ name: 'hidden', mse: 0, values: 3 * 64 }, { name: 'active' }],
      })
    } finally {
      await host.dispose()
    }
  })
})

describe('run', () => {
  test('follows the plan that it is given', async () => {
    const plan = at('run-plan.json')
    const made = await mixbitJson(['plan', model, '--precision', 'int4', '-o', plan, ...one])
    expect(made.code).toBe(0)
    const { code } = await mixbitJson(['run', model, '--plan', plan, '-o', at('run'), ...one])
    expect(code).toBe(0)
    const { layers } = Object(JSON.parse(readFileSync(plan, 'utf8')))
    expect(JSON.parse(readFileSync(at('run/plan.json'), 'utf8'))).toMatchObject({ layers })
  })

  test('does not take 8-bit activations, and says what does', async () => {
    const { code, json } = await mixbitJson(
      ['run', model, '--precision', 'w8a8'],
      ['-o', at('run-w8a8'), ...one],
    )
    expect(code).toBe(2)
    expect(json).toMatchObject({
      error: {
        code: 'unsupported-scheme',
        message: expect.stringContaining('mixbit quantize'),
      },
    })
  })
})
