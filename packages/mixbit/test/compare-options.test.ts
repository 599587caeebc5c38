import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  compareCheckpointOptions,
  compareFileOptions,
  compareModelOptions,
  evaluateFile,
  mergeConfig,
  auditModel,
  importanceForPlan,
  planModel,
  quantizeModel,
  readCheckpointModel,
} from '@mixbit/core'
import type { OptionRow, OptionsComparison, OptionsPlace } from '@mixbit/core'
import { afterAll, expect, test } from 'vitest'
import { createJobContext } from '../src/host/job-context.ts'
import { createNodeHost } from '../src/index.ts'
import { labelFile, oneHotFeatures, tinyClassifier } from './tiny-onnx.ts'

// The real runtime on real files; jobs run in this thread.

const folder = mkdtempSync(join(tmpdir(), 'mixbit-options-'))
const at = (name: string): string => join(folder, name)
const fixtures = join(import.meta.dirname, '../../../fixtures')

afterAll(() => {
  rmSync(folder, { recursive: true })
})

const withHost: OptionsPlace['withHost'] = async (work) => {
  const host = createNodeHost({ workers: 0 })
  try {
    return await work(host)
  } finally {
    await host.dispose()
  }
}

async function inPlace(
  name: string,
  compared: (place: OptionsPlace) => Promise<OptionsComparison>,
): Promise<OptionsComparison> {
  const context = createJobContext()
  const scratch = at(name)
  mkdirSync(scratch)
  const now = (): number => performance.now() / 1000
  try {
    return await compared({ withHost, context, scratch, now, emit: () => undefined })
  } finally {
    await context.close()
  }
}

const asked = {
  limit: null,
  calibration: { data: null, samples: 10, sampling: 'spread' },
  seed: 0,
  numerics: 'faithful',
} as const

const LABELS = [0, 1, 2, 3, 0, 1, 2, 0]

function compareTiny(name: string, data: unknown): Promise<OptionsComparison> {
  writeFileSync(at('x.npy'), oneHotFeatures(LABELS.length))
  writeFileSync(at('y.npy'), labelFile(LABELS))
  writeFileSync(at('tiny.onnx'), tinyClassifier())
  writeFileSync(at(`${name}.json`), JSON.stringify(data))
  const request = { ...asked, model: at('tiny.onnx'), data: at(`${name}.json`) }
  return inPlace(name, (place) => compareFileOptions(place, request))
}

function rowOf({ options }: OptionsComparison, name: string): OptionRow {
  const row = options.find((option) => option.name === name)
  if (row === undefined) throw new TypeError(`no row ${name}`)
  return row
}

test('the options of an ONNX file are measured on the files that were written', async () => {
  const data = { kind: 'tensors', inputs: { x: 'x.npy' }, labels: 'y.npy' }
  const comparison = await compareTiny('labelled', data)
  expect(comparison).toMatchObject({ data: 'labelled', samples: 8 })
  expect(comparison.options.map(({ name }) => name)).toEqual([
    'float',
    'int8',
    'int4',
    'mixed',
    'dynamic',
  ])
  for (const { status, metric, milliseconds } of comparison.options) {
    expect({ status, metric }).toEqual({ status: 'measured', metric: 'top1-accuracy' })
    expect(milliseconds).toBeGreaterThan(0)
  }
  expect(rowOf(comparison, 'float')).toMatchObject({
    bytes: statSync(at('tiny.onnx')).size,
    ratio: 1,
    value: 7 / 8,
    sqnrDb: null,
  })
  for (const name of ['int8', 'int4', 'mixed', 'dynamic'] as const) {
    const file = join(at('labelled'), `${name}.onnx`)
    const again = await withHost((host) =>
      evaluateFile(host, {
        path: file,
        data: at('labelled.json'),
        limit: null,
        numerics: 'faithful',
        stage: 'evaluate',
        now: () => 0,
      }),
    )
    const { value, low, high } = again.evaluation
    expect(rowOf(comparison, name)).toMatchObject({
      bytes: statSync(file).size,
      value,
      low,
      high,
    })
  }
  expect(rowOf(comparison, 'int8').sqnrDb).toBeGreaterThan(30)
  expect(rowOf(comparison, 'int8').sqnrDb).toBeGreaterThan(rowOf(comparison, 'int4').sqnrDb ?? 99)
})

test('without labels the options have an error and no accuracy', async () => {
  const comparison = await compareTiny('unlabelled', { kind: 'tensors', inputs: { x: 'x.npy' } })
  for (const { metric, value, low, high } of comparison.options) {
    expect({ metric, value, low, high }).toEqual({
      metric: null,
      value: null,
      low: null,
      high: null,
    })
  }
  expect(rowOf(comparison, 'int4').sqnrDb).toBeGreaterThan(5)
  expect(rowOf(comparison, 'int4').top1Agreement).not.toBeNull()
})

test('the options of a checkpoint answer questions; dynamic is none of them', async () => {
  const pocketVqa = (name: string): string => join(fixtures, `pocket-vqa/${name}.json`)
  const comparison = await inPlace('checkpoint', (place) =>
    compareCheckpointOptions(place, {
      ...asked,
      model: join(fixtures, 'fastvlm-nano'),
      data: pocketVqa('val'),
      limit: 6,
      calibration: { data: pocketVqa('calibration'), samples: 4, sampling: 'diverse' },
    }),
  )
  expect(comparison).toMatchObject({ data: 'val', samples: 6 })
  const dynamic = rowOf(comparison, 'dynamic')
  expect(dynamic).toMatchObject({ status: 'not-available', bytes: null, milliseconds: null })
  expect(dynamic.reason).toContain('single ONNX files')
  const measured = comparison.options.filter(({ status }) => status === 'measured')
  expect(measured.map(({ name }) => name)).toEqual(['float', 'int8', 'int4', 'mixed'])
  for (const { metric, milliseconds } of measured) {
    expect(metric).toBe('vqa-accuracy')
    expect(milliseconds).toBeGreaterThan(0)
  }
  const bytes = ['float', 'int8', 'mixed', 'int4'].map((name) => rowOf(comparison, name).bytes ?? 0)
  expect(bytes).toEqual(bytes.toSorted((a, b) => b - a))
  expect(rowOf(comparison, 'int8').sqnrDb).toBeGreaterThan(30)
})

/** A folder of float graphs, as transformers.js has them. */
async function floatFolder(name: string): Promise<string> {
  const folder = at(name)
  await withHost(async (host) => {
    const settings = mergeConfig({ precision: 'fp32' }, {})
    const model = await readCheckpointModel(host, join(fixtures, 'fastvlm-nano'))
    const audit = await auditModel(host, model)
    const plan = await planModel(host, audit, settings, null, null)
    const importance = await importanceForPlan(host, model, audit, plan, settings, () => {
      throw new TypeError('nothing needs statistics')
    })
    await quantizeModel(host, { model, audit, plan, importance, folder, tables: 'shared' })
    await model.close()
  })
  return folder
}

test('the options of a folder of graphs answer questions, too', async () => {
  const model = await floatFolder('float-graphs')
  const data = join(fixtures, 'pocket-vqa/val.json')
  const comparison = await inPlace('folder', (place) =>
    compareModelOptions(place, { ...asked, model, data, limit: 4 }),
  )
  expect(comparison).toMatchObject({ model, data: 'val', samples: 4 })
  expect(rowOf(comparison, 'dynamic').reason).toContain('single ONNX files')
  const measured = comparison.options.filter(({ status }) => status === 'measured')
  expect(measured.map(({ name, metric }) => [name, metric])).toEqual(
    ['float', 'int8', 'int4', 'mixed'].map((name) => [name, 'vqa-accuracy']),
  )
  const bytes = ['float', 'int8', 'mixed', 'int4'].map((name) => rowOf(comparison, name).bytes ?? 0)
  expect(bytes).toEqual(bytes.toSorted((a, b) => b - a))
  expect(rowOf(comparison, 'int8').sqnrDb).toBeGreaterThan(30)
})

test('a folder of one graph is compared as a file', async () => {
  mkdirSync(at('one/onnx'), { recursive: true })
  writeFileSync(at('one/onnx/model.onnx'), tinyClassifier())
  writeFileSync(at('one-x.npy'), oneHotFeatures(LABELS.length))
  writeFileSync(at('one.json'), JSON.stringify({ kind: 'tensors', inputs: { x: 'one-x.npy' } }))
  const comparison = await inPlace('one-options', (place) =>
    compareModelOptions(place, { ...asked, model: at('one'), data: at('one.json') }),
  )
  expect(comparison.model).toBe(at('one'))
  expect(comparison.options.every(({ status }) => status === 'measured')).toBe(true)
})

test('graphs that no task runs together are compared one by one', async () => {
  mkdirSync(at('two/onnx'), { recursive: true })
  for (const name of ['encoder', 'decoder']) {
    writeFileSync(at(`two/onnx/${name}.onnx`), tinyClassifier())
  }
  const comparing = inPlace('two-options', (place) =>
    compareModelOptions(place, { ...asked, model: at('two'), data: at('one.json') }),
  )
  await expect(comparing).rejects.toMatchObject({
    code: 'unsupported-model',
    message: expect.stringMatching(/decoder, encoder.*one by one, such as ".*decoder\.onnx"/u),
  })
})
