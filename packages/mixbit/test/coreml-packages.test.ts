import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  MODEL_PATH,
  PACKAGE,
  testBuilder,
  testFiles,
  testModel,
} from '../../core/test/helpers/coreml.ts'
import { mixbit, mixbitJson, nano } from './built-mixbit.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-coreml-'))
const at = (name: string): string => join(folder, name)
const one = ['--workers', '1']

beforeAll(async () => {
  const { body, blobs, weight, op } = testBuilder()
  weight('stem_w', [64, 48])
  op('linear', { x: 'x', weight: 'stem_w' }, 'a', { dtype: 'float16', shape: [1, 64] })
  weight('head_w', [96, 64])
  op('linear', { x: 'a', weight: 'head_w' }, 'y', { dtype: 'float16', shape: [1, 96] })
  body.outputs.push('y')
  for (const [path, bytes] of await testFiles(testModel({ main: { body } }, 7), blobs)) {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), bytes)
  }
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('audit says what is in a package', async () => {
  const { code, json } = await mixbitJson(['audit', at(PACKAGE)], one)
  expect(code).toBe(0)
  expect(json).toMatchObject({
    schema: 'mixbit/audit@1',
    format: 'coreml',
    parameters: 9216,
    components: { model: { layers: 2, operators: { linear: 2 } } },
    weights: [
      { layer: 'model.stem_w', role: 'linear', stored: { precision: 'fp16' } },
      { layer: 'model.head_w', role: 'linear', position: 'last' },
    ],
  })
  const { stdout } = await mixbit(['audit', at(PACKAGE), '--verbose', ...one])
  expect(stdout).toMatch(/linear\s+2\s+9,216\s+100\.0 %\s+can be quantized/u)
  expect(stdout).toContain('model.head_w')
})

test('plan takes layers, target and compute unit, and writes the plan', async () => {
  const asked = ['--precision', 'int4', '--layer', '*head*=int8', '--compute-unit', 'ane']
  const { code, stdout } = await mixbit(['plan', at(PACKAGE), ...asked, '-o', at('p.json'), ...one])
  expect(code).toBe(0)
  expect(stdout).toMatch(/for coreml-ios18/u)
  expect(stdout).toMatch(/palette4\/g16\s+lut_to_dense\s+1/u)
  expect(stdout).toMatch(/int8\/channel\s+blockwise_shift_scale\s+1/u)
  expect(stdout).toMatch(/-o <name>\.mlpackage$/mu)
  expect(JSON.parse(readFileSync(at('p.json'), 'utf8'))).toMatchObject({
    schema: 'mixbit/plan@1',
    target: 'coreml-ios18',
    layers: [{ scheme: { kind: 'palette' } }, { scheme: { kind: 'affine', dtype: 'int8' } }],
  })
  const older = await mixbitJson(['plan', at(PACKAGE)], asked, ['--target', 'coreml-ios17'], one)
  expect(older.json).toMatchObject({
    target: 'coreml-ios17',
    layers: [{ scheme: { kind: 'palette', bits: 6 } }, { form: 'constexpr_affine_dequantize' }],
  })
})

test.for([
  { argv: ['plan', PACKAGE, '--target', 'onnx'], code: 'unsupported-target' },
  { argv: ['plan', PACKAGE, '--compute-unit', 'tpu'], code: 'usage' },
  { argv: ['plan', PACKAGE, '--preset', 'balanced'], code: 'usage' },
  { argv: ['plan', PACKAGE, '--layer', 'head*=int8'], code: 'pattern-without-match' },
  { argv: ['plan', nano, '--compute-unit', 'ane'], code: 'usage' },
  { argv: ['plan', nano, '--target', 'coreml-ios18'], code: 'unsupported-target' },
  { argv: ['evaluate', PACKAGE, '--data', 'x.json'], code: 'unsupported-model' },
  { argv: ['audit', `${PACKAGE}/${MODEL_PATH}`], code: 'unsupported-model' },
])('$argv is refused with $code', async ({ argv, code }) => {
  const ended = await mixbit([...argv, '--json'], { cwd: folder })
  expect(ended.code).toBe(2)
  expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code } })
})
