import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mixbitJson, nano } from './built-mixbit.ts'
import { oneHotFeatures, tinyClassifier, tinyReader } from './tiny-onnx.ts'

// What static quantization finds its ranges on, with the real tokenizer and the real runtime.

const folder = mkdtempSync(join(tmpdir(), 'mixbit-calibration-data-'))
const at = (name: string): string => join(folder, name)

beforeAll(() => {
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(nano, file), at(file))
  writeFileSync(at('reader.onnx'), tinyReader())
  writeFileSync(at('classifier.onnx'), tinyClassifier())
  writeFileSync(at('text.txt'), 'How many circles are there? There are two circles on the left.\n')
  writeFileSync(at('pairs.tsv'), 'red circle\tblue square\t1\nred circle\tred circle\t5\n')
  const describe = (name: string, set: unknown): void =>
    writeFileSync(at(name), JSON.stringify(set))
  describe('text.json', { kind: 'text', text: 'text.txt', window: 4 })
  describe('pairs.json', { kind: 'sts', pairs: 'pairs.tsv' })
  describe('x.json', { kind: 'tensors', inputs: { x: 'x.npy' } })
  mkdirSync(at('arrays'))
  writeFileSync(at('x.npy'), oneHotFeatures(8))
  writeFileSync(at('arrays/x.npy'), oneHotFeatures(8))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** The activations that a plan of `w8a8` has. */
async function activations(model: string, data: string, more: readonly string[] = []) {
  const file = at(`plan-${data}-${more.length}.json`)
  const asked = ['--precision', 'w8a8', '--calibration', at(data), '--workers', '1', ...more]
  const ended = await mixbitJson(['plan', at(model), '-o', file, ...asked])
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  return JSON.parse(readFileSync(file, 'utf8')).activations
}

test.for([
  { name: 'a text', data: 'text.json', more: ['--samples', '1'] },
  { name: 'sentences', data: 'pairs.json', more: [] },
  { name: 'chosen windows', data: 'text.json', more: ['--sampling', 'diverse', '--samples', '2'] },
  { name: 'chosen pairs', data: 'pairs.json', more: ['--sampling', 'diverse', '--samples', '1'] },
])('ranges come from $name', async ({ data, more }) => {
  const [x, ...others] = await activations('reader.onnx', data, more)
  // Features of tokens lie between 0 and 13, and these texts hold some of many sizes.
  expect(x).toMatchObject({ tensor: 'x', min: 0 })
  expect(x.max).toBeGreaterThan(6)
  expect(x.max).toBeLessThan(13.1)
  expect(others.map(({ tensor }: { tensor: string }) => tensor)).toEqual(['active'])
})

test('more of a text gives other ranges', async () => {
  const all = await activations('reader.onnx', 'text.json')
  const one = await activations('reader.onnx', 'text.json', ['--samples', '1'])
  expect(one).not.toEqual(all)
})

test('a folder of .npy files gives what its descriptor gives', async () => {
  const described = await activations('classifier.onnx', 'x.json')
  expect(await activations('classifier.onnx', 'arrays')).toEqual(described)
})
