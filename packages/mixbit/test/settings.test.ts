import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mergeConfig } from '@mixbit/core'
import type { Emit } from '@mixbit/core'
import { noteBesidePlan } from '../src/cli/beside-plan.ts'
import { loadConfig } from '../src/cli/load-config.ts'
import { parseCommandArgs } from '../src/cli/parse-args.ts'
import { resolveSettings } from '../src/cli/settings.ts'
import { verbs } from '../src/cli/verbs.ts'

let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mixbit-settings-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function settings(verb: string, argv: readonly string[]) {
  const spec = verbs.find((each) => each.name === verb)
  return resolveSettings(await parseCommandArgs(spec ?? expect.fail(verb), argv), folder)
}

const CONFIG = `
model: ./model            # relative to this file
preset: quality_focused
components: { decoder: int4/64 }
layers:
  "decoder.layers.0.*": int8
calibration: { data: cal.json }
evaluation: [{ data: val.json, maxDrop: 0.02 }]
budget: { size: 3.2MB }
`

test('a YAML config is read, with paths as one would type them', async () => {
  const path = write('mixbit.config.yaml', CONFIG)
  expect(await settings('run', ['--config', path])).toMatchObject({
    model: 'model',
    preset: 'quality_focused',
    components: { vision_encoder: 'int8', decoder: 'int4/64' },
    layers: [{ pattern: 'decoder.layers.0.*', precision: 'int8' }],
    calibration: { data: 'cal.json', samples: 2000 },
    evaluation: [{ data: 'val.json', maxDrop: 0.02 }],
    budget: { size: 3_200_000 },
  })
})

test('paths of a config elsewhere are absolute, those of one below start with its folder', async () => {
  const path = write('c.yaml', CONFIG)
  expect(await loadConfig(path, join(folder, 'other'))).toMatchObject({
    model: join(folder, 'model'),
    evaluation: [{ data: join(folder, 'val.json') }],
  })
  expect(await loadConfig(path, dirname(folder))).toMatchObject({
    model: join(basename(folder), 'model'),
    calibration: { data: join(basename(folder), 'cal.json') },
  })
})

test('the command line wins over the config', async () => {
  write('c.yaml', CONFIG)
  const merged = await settings('run', [
    'other',
    '--config',
    'c.yaml',
    '--component',
    'decoder=int8',
    '--layer',
    'a=b.*=int4/16',
    '--samples',
    '10',
    '--budget',
    '400MiB',
    '--eval',
    'x.json',
    '--eval',
    'y.json',
    '--max-drop',
    '0.01',
    '--no-protect',
    '--limit',
    '5',
  ])
  expect(merged).toMatchObject({
    model: 'other',
    components: { decoder: 'int8' },
    layers: [{ pattern: 'decoder.layers.0.*' }, { pattern: 'a=b.*', precision: 'int4/16' }],
    calibration: { samples: 10, data: 'cal.json' },
    budget: { size: 400 * 2 ** 20 },
    protect: false,
  })
  expect(merged.evaluation.map(({ data, maxDrop, limit }) => [data, maxDrop, limit])).toEqual([
    ['x.json', 0.01, 5],
    ['y.json', 0.01, 5],
  ])
  expect(merged.origins).toMatchObject({ model: 'command line', preset: 'config file' })
})

test('JSON is a config too', async () => {
  write('c.json', JSON.stringify({ model: 'm', precision: 'int8' }))
  expect(await settings('plan', ['--config', 'c.json'])).toMatchObject({
    precision: 'int8',
    preset: null,
  })
})

test.for([
  { argv: [], code: 'usage', says: /^plan needs a model: mixbit plan <model>/u },
  { argv: ['m', '--precision', 'int5'], code: 'invalid-precision', says: /"int5"/u },
  { argv: ['m', '--layer', 'a=int5'], code: 'invalid-precision', says: /"int5"/u },
  {
    argv: ['m', '--component', 'decoder'],
    code: 'usage',
    says: /--component takes <name>=<precision>/u,
  },
  {
    argv: ['m', '--target', 'litert'],
    code: 'unsupported-target',
    says: /Use one of transformers-js/u,
  },
  { argv: ['m', '--config', 'none.yaml'], code: 'not-found', says: /"none\.yaml" does not exist/u },
  { argv: ['m', '--config', '.'], code: 'not-readable', says: /not a file/u },
])('$argv is refused as $code', async ({ argv, code, says }) => {
  await expect(settings('plan', argv)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(says),
  })
})

test.for([
  { what: 'broken YAML', text: 'a: [1, 2\nb: }', code: 'invalid-config', says: /^c\.yaml: / },
  {
    what: 'a key twice',
    text: 'seed: 1\nseed: 2',
    code: 'invalid-config',
    says: /unique.*line 2/u,
  },
  {
    what: 'two documents',
    text: 'seed: 1\n---\nseed: 2',
    code: 'invalid-config',
    says: /document/u,
  },
  { what: 'an empty file', text: '', code: 'invalid-config', says: /a table of keys; found null/u },
  {
    what: 'a wrong value',
    text: 'preset: fast',
    code: 'invalid-config',
    says: /preset must be one of/u,
  },
  { what: 'an unknown tag', text: 'model: !!js/function x', code: 'invalid-config', says: /tag/u },
  { what: 'a file of 2 MB', text: '#'.repeat(2_000_000), code: 'limit-exceeded', says: /100000/u },
  {
    what: 'deep nesting',
    text: '['.repeat(50_000),
    code: 'invalid-config',
    says: /nested deeper/u,
  },
  {
    what: 'deep nesting by dashes',
    text: '- '.repeat(40_000),
    code: 'invalid-config',
    says: /nested deeper/u,
  },
  { what: 'a bomb of aliases', text: bomb(), code: 'invalid-config', says: /alias/u },
])('$what is refused as $code in bounded time', { timeout: 5000 }, async ({ text, code, says }) => {
  write('c.yaml', text)
  await expect(loadConfig('c.yaml', folder)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(says),
  })
})

test('bytes that are no text are refused', async () => {
  write('c.yaml', new Uint8Array([0xff, 0xfe, 0x00, 0x80]))
  await expect(loadConfig('c.yaml', folder)).rejects.toMatchObject({ code: 'invalid-config' })
})

/** Ten levels of ten aliases each: 10^10 values when written out. */
function bomb(): string {
  const levels = Array.from({ length: 10 }, (_, level) => {
    const items = level === 0 ? '1' : Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')
    return `a${level}: &a${level} [${items}]`
  })
  return levels.join('\n')
}

test.for([
  '--precision=int8',
  '--component=decoder=int8',
  '--layer=*=int8',
  '--no-protect',
  '--target=onnx',
  '--preset=balanced',
])('%s beside a plan is refused, since it would be ignored', async (option) => {
  for (const model of ['m', 'm.onnx', 'm.mlpackage']) {
    const argv = [model, '--plan', 'p.json', option]
    await expect(settings('quantize', argv)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('has no effect beside --plan'),
    })
  }
  await expect(settings('quantize', ['m', option])).resolves.toMatchObject({ model: 'm' })
})

test.for([
  { text: 'precision: int8', names: '"precision" of the config has' },
  { text: 'target: onnx\nlayers: { "a.*": int4 }', names: '"target", "layers" of the config have' },
  {
    text: 'computeUnit: ane\nprotect: false',
    names: '"protect", "computeUnit" of the config have',
  },
  { text: 'seed: 3\nbudget: { size: 3MB }', names: null },
])('of $text what has no effect beside a plan is said', async ({ text, names }) => {
  write('beside.yaml', text)
  const args = async (...more: readonly string[]) =>
    parseCommandArgs(quantize, ['m.mlpackage', '--config', 'beside.yaml', ...more])
  const quantize = verbs.find(({ name }) => name === 'quantize') ?? expect.fail('quantize')
  const told: string[] = []
  const emit: Emit = (event) => {
    if (event.kind === 'notice') told.push(event.message)
  }
  const { origins } = mergeConfig({}, await loadConfig('beside.yaml', folder))
  noteBesidePlan(await args(), { origins }, { emit })
  expect(told).toEqual([])
  noteBesidePlan(await args('--plan', 'p.json'), { origins }, { emit })
  expect(told).toEqual(names === null ? [] : [expect.stringContaining(`${names} no effect`)])
})

test.for([
  ['--calibration', 'pictures'],
  ['--samples', '8'],
  ['--self-contained'],
  ['--runtime', 'arm64'],
])('%s has no effect on a Core ML package, and is refused', async (options) => {
  await expect(settings('quantize', ['m.mlpackage', ...options])).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('has no effect'),
  })
  await expect(settings('quantize', ['m', ...options])).resolves.toMatchObject({ model: 'm' })
})

test('commands without a model take no config', async () => {
  const demo = verbs.find(({ name }) => name === 'demo') ?? expect.fail('demo')
  await expect(parseCommandArgs(demo, ['--config', 'c.yaml'])).rejects.toMatchObject({
    code: 'unknown-option',
  })
})
