import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mixbitJson, nano } from './built-mixbit.ts'
import { labelFile, oneHotFeatures, tinyClassifier } from './tiny-onnx.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-integer-files-'))
const at = (name: string): string => join(folder, name)
const model = at('tiny.onnx')
const one = ['--workers', '1']
const w8a8 = ['--precision', 'w8a8', '--calibration', at('data.json'), ...one]

beforeAll(() => {
  writeFileSync(model, tinyClassifier())
  writeFileSync(at('x.npy'), oneHotFeatures(8))
  writeFileSync(at('data.json'), JSON.stringify({ kind: 'tensors', inputs: { x: 'x.npy' } }))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

const scale: unknown = expect.any(Number)

test.for([
  { name: 'static', options: w8a8 },
  { name: 'static-io', options: [...w8a8, '--io', 'int8'] },
  { name: 'dynamic', options: ['--precision', 'dynamic', ...one] },
])('a plan gives the file that its options give: $name', async ({ name, options }) => {
  const [plan, direct, again] = [at(`${name}.json`), at(`${name}.onnx`), at(`${name}-again.onnx`)]
  await mixbitJson(['plan', model, '-o', plan, ...options])
  await mixbitJson(['quantize', model, '-o', direct, ...options])
  const { code, stderr } = await mixbitJson(['quantize', model, '--plan', plan, '-o', again])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(readFileSync(again)).toEqual(readFileSync(direct))
  // Its weights are integers that an operator multiplies, not only smaller.
  const operators = JSON.parse(readFileSync(plan, 'utf8')).operators
  expect(operators).toEqual([
    expect.objectContaining({ node: 'm1', runs: 'integer' }),
    expect.objectContaining({ node: 'm2', runs: 'integer' }),
  ])
})

test('--io int8 says how codes of inputs and outputs are to be read', async () => {
  const { json } = await mixbitJson(
    ['quantize', model, '-o', at('io.onnx'), ...w8a8],
    ['--io', 'int8'],
  )
  expect(json).toMatchObject({
    io: {
      inputs: [{ name: 'x', dtype: 'uint8', scale, zeroPoint: 0 }],
      outputs: [{ name: 'scores', dtype: 'uint8', scale }],
    },
  })
})

test('a file with integer ends is fed and read by the scales that it states', async () => {
  const file = at('ends.onnx')
  await mixbitJson(['quantize', model, '-o', file, ...w8a8], ['--io', 'int8'])
  const { json } = await mixbitJson(['compare', model, file, '--data', at('data.json'), ...one])
  expect(json).toMatchObject({ outputs: [{ name: 'scores', top1Agreement: 1 }] })
  const data = at('labelled.json')
  writeFileSync(at('y.npy'), labelFile([0, 1, 2, 3, 0, 1, 2, 3]))
  writeFileSync(data, JSON.stringify({ kind: 'tensors', inputs: { x: 'x.npy' }, labels: 'y.npy' }))
  const evaluated = await mixbitJson(['evaluate', file, '--data', data, ...one])
  expect(evaluated.json).toMatchObject({ value: 1, samples: 8 })
})

test.for([
  { name: 'weights alone', argv: [model, '-o', at('no.onnx'), '--precision', 'int8'] },
  { name: 'dynamic', argv: [model, '-o', at('no.onnx'), '--precision', 'dynamic'] },
  { name: 'a checkpoint', argv: [nano, '-o', at('no')] },
])('--io int8 is refused for $name', async ({ argv }) => {
  const { code, json } = await mixbitJson(['quantize', ...argv, '--io', 'int8'])
  expect(code).toBe(2)
  expect(json).toMatchObject({
    error: { code: 'usage', message: expect.stringContaining('--io') },
  })
})
