import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditCoremlPackage, mergeConfig, planCoremlPackage } from '@mixbit/core'
import { quantizeCoremlPackage, readCoremlPackage } from '@mixbit/core'
import {
  MODEL_PATH,
  PACKAGE,
  testBuilder,
  testFiles,
  testModel,
  WEIGHTS_PATH,
} from '../../core/test/helpers/coreml.ts'
import { createNodeHost } from '../src/host/host.ts'
import { mixbit, mixbitJson, root } from './built-mixbit.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-coreml-commands-'))
const at = (name: string): string => join(folder, name)
const one = ['--workers', '1']

/** Asks for a form a layer, and for all others what they are. */
const MIXED = [
  ['--precision', 'fp16'],
  ['--layer', '*attention*=palette4'],
  ['--layer', '*mlp*=int8'],
  ['--layer', '*head*=sparse75+palette4'],
].flat()

beforeAll(async () => {
  const { body, blobs, weight, op } = testBuilder()
  const half = (...shape: readonly number[]) => ({ dtype: 'float16', shape }) as const
  let input = 'x'
  for (const [name, rows, columns] of [
    ['stem_w', 64, 48],
    ['attention_w', 96, 64],
    ['mlp_w', 64, 96],
    ['last_mlp_w', 64, 64],
    ['head_w', 80, 64],
  ] as const) {
    weight(name, [rows, columns])
    op('linear', { x: input, weight: name }, `${name}_out`, half(1, rows))
    input = `${name}_out`
  }
  body.outputs.push(input)
  const model = testModel({ main: { body, inputs: { x: half(1, 48) } } }, 8)
  for (const [path, bytes] of await testFiles(model, blobs)) {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), bytes)
  }
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** The files of a package by their paths inside, as text that shows a difference. */
function filesIn(name: string): Readonly<Record<string, string>> {
  const all = readdirSync(at(name), { recursive: true, withFileTypes: true })
  const files = all.filter((entry) => entry.isFile())
  return Object.fromEntries(
    files
      .map(({ parentPath, name: file }) => join(parentPath, file))
      .map((path) => [path.slice(at(name).length), readFileSync(path).toString('base64')]),
  )
}

/** What each weight of a package is stored as. */
async function precisionsIn(name: string): Promise<Readonly<Record<string, string>>> {
  const host = createNodeHost({ workers: 0 })
  const { document, close } = await readCoremlPackage(host, at(name))
  const all = [...document.weights].map(([key, { stored }]) => [key, stored.precision])
  await close()
  return Object.fromEntries(all)
}

describe('quantize', () => {
  test('stores layers in different forms in one command', async () => {
    const argv = ['quantize', at(PACKAGE), '-o', at('mixed.mlpackage')]
    const { code, json, stderr } = await mixbitJson(argv, MIXED, one)
    expect([code, stderr]).toEqual([0, ''])
    expect(await precisionsIn('mixed.mlpackage')).toEqual({
      stem_w: 'fp16',
      attention_w: 'palette4',
      mlp_w: 'int8/channel',
      last_mlp_w: 'int8/channel',
      head_w: 'sparse75+palette4',
    })
    const files = Object.values(filesIn('mixed.mlpackage'))
    const bytes = files.reduce((sum, text) => sum + Buffer.from(text, 'base64').length, 0)
    // 64 x 48 halves; 6144 and 16 halves; 64 x 160 and 128 halves; a bit each, 1280 of 4 bits, a table.
    const weights = 6144 + 3072 + 32 + 10240 + 256 + 640 + 640 + 32
    expect(json).toMatchObject({
      schema: 'mixbit/quantization@1',
      output: at('mixed.mlpackage'),
      bytes,
      components: { model: { bytes: weights, predictedBytes: weights, layers: 5 } },
      findings: [{ code: 'spec-raised' }],
      layers: [
        {
          layer: 'model.stem_w',
          precision: 'fp16',
          form: 'const',
          bytes: 6144,
          sqnrDb: null,
          mse: 0,
        },
        { layer: 'model.attention_w', precision: 'palette4', bytes: 3104 },
        { layer: 'model.mlp_w', precision: 'int8/channel', sqnrDb: expect.closeTo(48, 0) },
        { layer: 'model.last_mlp_w' },
        { layer: 'model.head_w', precision: 'sparse75+palette4' },
      ],
    })
    expect(JSON.stringify(json)).toMatch(/"predictedBytes":\d+/u)
    const checked = await mixbitJson(['verify', at('mixed.mlpackage')])
    expect([checked.code, checked.json]).toMatchObject([0, { passed: true }])
  })

  test('says in words what was stored, and what it cost', async () => {
    const argv = ['quantize', at(PACKAGE), '-o', at('told.mlpackage'), ...MIXED, ...one]
    const { code, stdout } = await mixbit(argv)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /told\.mlpackage {2}\S+ kB to \S+ kB \(\d\d\.\d %\) for coreml-ios18 in/u,
    )
    expect(stdout).toMatch(/^palette4 +lut_to_dense +1 +3\.10 kB +\d\d\.\d dB$/mu)
    expect(stdout).toMatch(/^int8\/channel +\S+ +2 +10\.5 kB +\d\d\.\d dB$/mu)
    expect(stdout).not.toContain('no preset')
  })

  test('says what a threshold leaves, what changes nothing, and what the file is for', async () => {
    const argv = ['quantize', at(PACKAGE), '--force', '-o', at('findings.mlpackage'), ...one]
    const findings = async (...asked: readonly string[]) => {
      const { code, json } = await mixbitJson(argv, asked)
      expect(code).toBe(0)
      return Object(json).findings.map(({ code: each }: { code: string }) => each)
    }
    // Values lie evenly between -2 and 2: 2.5 % are kept.
    expect(await findings('--precision', 'sparse@1.95+fp16')).toEqual(['mostly-zero'])
    expect(await findings('--precision', 'fp16')).toEqual(['nothing-changed'])
    const older = await mixbit([...argv, '--precision', 'int8', '--target', 'coreml-ios16'])
    // The package is one of iOS 17.
    expect(older.stdout).toMatch(/for coreml-ios17 in/u)
    expect(older.stdout).toContain('The package needs iOS 17 already')
  })

  test('gives the same bytes with any number of workers', async () => {
    const argv = ['quantize', at(PACKAGE), ...MIXED]
    for (const workers of ['1', '2', '5']) {
      const output = ['-o', at(`by-${workers}.mlpackage`), '--workers', workers]
      expect((await mixbitJson(argv, output)).code).toBe(0)
    }
    expect(filesIn('by-2.mlpackage')).toEqual(filesIn('by-1.mlpackage'))
    expect(filesIn('by-5.mlpackage')).toEqual(filesIn('by-1.mlpackage'))
    const host = createNodeHost({ workers: 0 })
    const model = await readCoremlPackage(host, at(PACKAGE))
    const audit = await auditCoremlPackage(host, model)
    const layers = [
      { pattern: '*attention*', precision: 'palette4' },
      { pattern: '*mlp*', precision: 'int8' },
      { pattern: '*head*', precision: 'sparse75+palette4' },
    ]
    const plan = planCoremlPackage(model, audit, mergeConfig({ precision: 'fp16', layers }, {}))
    mkdirSync(at('by-0.mlpackage'))
    await quantizeCoremlPackage(host, { model, audit, plan, folder: at('by-0.mlpackage') })
    await model.close()
    await host.dispose()
    expect(filesIn('by-0.mlpackage')).toEqual(filesIn('by-1.mlpackage'))
  })

  test('takes a plan back, edited or not', async () => {
    const planFile = at('plan.json')
    const planned = await mixbit(['plan', at(PACKAGE), ...MIXED, '-o', planFile, ...one])
    expect(planned.code).toBe(0)
    const given = ['quantize', at(PACKAGE), '--plan', planFile]
    const written = await mixbitJson(given, ['-o', at('planned.mlpackage')], one)
    // The version that the plan spoke of was raised once.
    expect(written.json).toMatchObject({ findings: [{ code: 'spec-raised' }] })
    const sizes = /(\S+ kB to \S+ kB \(\d\d\.\d %\)) for coreml-ios18, /u.exec(planned.stdout)?.[1]
    expect(planned.stdout).toContain('The specification version will be raised from 8 to 9')
    const direct = ['quantize', at(PACKAGE), ...MIXED, '-o', at('direct.mlpackage')]
    const told = await mixbit([...direct, ...one])
    expect([told.code, told.stdout]).toEqual([0, expect.stringContaining(` ${sizes} for `)])
    expect(filesIn('planned.mlpackage')).toEqual(filesIn('direct.mlpackage'))

    const plan: unknown = JSON.parse(readFileSync(planFile, 'utf8'), (key, value: unknown) =>
      key === 'scheme' && JSON.stringify(value).includes('"kind":"affine"')
        ? { kind: 'float', dtype: 'float16' }
        : value,
    )
    writeFileSync(planFile, JSON.stringify(plan))
    expect((await mixbitJson(given, ['-o', at('edited.mlpackage')], one)).code).toBe(0)
    expect(await precisionsIn('edited.mlpackage')).toMatchObject({
      attention_w: 'palette4',
      mlp_w: 'fp16',
    })
  })

  test('refuses the plan of another model', async () => {
    const planFile = at('other.json')
    await mixbit(['plan', at(PACKAGE), '-o', planFile, ...one])
    writeFileSync(planFile, readFileSync(planFile, 'utf8').replaceAll('stem_w', 'other_w'))
    const argv = ['quantize', at(PACKAGE), '--plan', planFile, '-o', at('not.mlpackage')]
    const { code, json } = await mixbitJson(argv, one)
    expect([code, json]).toMatchObject([2, { error: { code: 'invalid-plan' } }])
    expect(existsSync(at('not.mlpackage'))).toBe(false)
  })
})

describe('convert --decompress', () => {
  test('gives the values that a package decodes to, and they can be quantized again', async () => {
    await mixbit(['quantize', at(PACKAGE), ...MIXED, '-o', at('small.mlpackage'), ...one])
    const argv = ['convert', at('small.mlpackage'), '--decompress', '-o', at('dense.mlpackage')]
    const { code, json } = await mixbitJson(argv, one)
    expect([code, json]).toMatchObject([0, { schema: 'mixbit/conversion@1', weights: 4 }])
    expect(new Set(Object.values(await precisionsIn('dense.mlpackage')))).toEqual(new Set(['fp16']))
    const same = await mixbitJson(['compare', at('small.mlpackage'), at('dense.mlpackage')], one)
    expect(same).toMatchObject({
      code: 0,
      json: { outputs: [0, 1, 2, 3, 4].map(() => ({ mse: 0, maxAbsError: 0, notFinite: 0 })) },
    })
    expect((await mixbitJson(['verify', at('dense.mlpackage')])).code).toBe(0)
    const again = ['quantize', at('dense.mlpackage'), ...MIXED, '-o', at('again.mlpackage')]
    expect((await mixbitJson(again, one)).code).toBe(0)
    // Tables and masks that hold every value lose nothing.
    const twice = await mixbitJson(['compare', at('dense.mlpackage'), at('again.mlpackage')], one)
    expect(twice.json).toMatchObject({
      outputs: expect.arrayContaining([
        expect.objectContaining({ name: 'attention_w', maxAbsError: 0 }),
        expect.objectContaining({ name: 'head_w', maxAbsError: 0 }),
      ]),
    })
  })
})

describe('audit', () => {
  test('says what a package is to an app, and what is compressed in it already', async () => {
    await mixbit(['quantize', at(PACKAGE), ...MIXED, '-o', at('audited.mlpackage'), ...one])
    const { code, stdout } = await mixbit(['audit', at('audited.mlpackage'), '--verbose', ...one])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^needs +iOS 18 or macOS 15, or later \(specification version 9/mu)
    expect(stdout).toMatch(/^input +x +float16 \[1, 48\]$/mu)
    expect(stdout).toMatch(/^linear +5 +\S+ +\S+ % +4 compressed already$/mu)
    expect(stdout).toMatch(
      /^model\.attention_w +linear +96 x 64 +palette4 +3\.10 kB +linear "attention_w_out"$/mu,
    )
    const { json } = await mixbitJson(['audit', at('audited.mlpackage')], one)
    const use = { function: 'main', op: 'linear', output: 'stem_w_out', input: 'weight' }
    expect(json).toMatchObject({
      package: { specificationVersion: 9, functions: [{ name: 'main', opset: 'CoreML8' }] },
      weights: expect.arrayContaining([
        expect.objectContaining({
          layer: 'model.stem_w',
          stored: expect.objectContaining({ uses: [use] }),
        }),
      ]),
    })
  })
})

describe('compare', () => {
  test('says how far each weight moved, and which stayed', async () => {
    await mixbit(['quantize', at(PACKAGE), ...MIXED, '-o', at('moved.mlpackage'), ...one])
    const argv = ['compare', at(PACKAGE), at('moved.mlpackage'), ...one]
    const { code, stdout } = await mixbit(argv)
    expect(code).toBe(0)
    expect(stdout).toContain('4 of 5 weights changed')
    const [head, attention] = ['head_w', 'attention_w'].map((name) => stdout.indexOf(name))
    // What moved most comes first.
    expect(head).toBeGreaterThan(0)
    expect(attention).toBeGreaterThan(head ?? 0)
    expect(stdout).not.toContain('stem_w')
    // Names are those that --layer takes.
    expect(stdout).toMatch(/^model\.attention_w +fp16 +palette4 +3\.10 kB /mu)
  })
})

describe('verify', () => {
  test('fails with 1 when a package is damaged, and says where', async () => {
    cpSync(at(PACKAGE), at('damaged.mlpackage'), { recursive: true })
    const program = join(at('damaged.mlpackage'), MODEL_PATH)
    writeFileSync(program, readFileSync(program, 'latin1').replace('stem_w', 'stem_v'), 'latin1')
    const { code, json } = await mixbitJson(['verify', at('damaged.mlpackage')])
    expect([code, json]).toMatchObject([1, { schema: 'mixbit/verification@1', passed: false }])
    const { stdout } = await mixbit(['verify', at('damaged.mlpackage')])
    expect(stdout).toMatch(
      /^FAILED .*\n\n✓ passed +manifest\n✗ failed +program: .*\n.*\n.*damaged\.$/mu,
    )
  })
})

describe('a broken package', () => {
  test('is refused by every command, and nothing is written', async () => {
    cpSync(at(PACKAGE), at('short.mlpackage'), { recursive: true })
    truncateSync(join(at('short.mlpackage'), WEIGHTS_PATH), 4000)
    const output = ['-o', at('none.mlpackage')]
    for (const argv of [
      ['audit', at('short.mlpackage')],
      ['plan', at('short.mlpackage')],
      ['quantize', at('short.mlpackage'), ...output],
      ['convert', at('short.mlpackage'), '--decompress', ...output],
      ['compare', at(PACKAGE), at('short.mlpackage')],
    ]) {
      const { code, json } = await mixbitJson(argv, one)
      expect([argv[0], code, json]).toMatchObject([argv[0], 2, { error: { code: 'malformed' } }])
    }
    expect((await mixbitJson(['verify', at('short.mlpackage')])).code).toBe(1)
    expect(existsSync(at('none.mlpackage'))).toBe(false)
    expect(readdirSync(folder).filter((name) => name.includes('none'))).toEqual([])
  })

  test('that is not there is bad input, not a failed check', async () => {
    for (const command of ['audit', 'verify']) {
      const ended = await mixbit([command, 'nothing.mlpackage', '--json'], { cwd: folder })
      expect(ended.code).toBe(2)
      expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'not-found' } })
    }
  })

  test('leaves an output that is there as it was', async () => {
    await mixbit(['quantize', at(PACKAGE), '-o', at('kept.mlpackage'), ...one])
    const before = filesIn('kept.mlpackage')
    const again = await mixbitJson(['quantize', at(PACKAGE), '-o', at('kept.mlpackage')], one)
    expect([again.code, again.json]).toMatchObject([2, { error: { code: 'output-exists' } }])
    cpSync(at(PACKAGE), at('cut.mlpackage'), { recursive: true })
    truncateSync(join(at('cut.mlpackage'), WEIGHTS_PATH), 4000)
    const argv = ['quantize', at('cut.mlpackage'), '-o', at('kept.mlpackage'), '--force']
    expect((await mixbitJson(argv, one)).code).toBe(2)
    expect(filesIn('kept.mlpackage')).toEqual(before)
    const forced = ['quantize', at(PACKAGE), '--precision', 'palette4', '--force']
    expect((await mixbitJson(forced, ['-o', at('kept.mlpackage')], one)).code).toBe(0)
    expect(filesIn('kept.mlpackage')).not.toEqual(before)
  })
})

test('the example compresses a package', async () => {
  const example = join(root, 'examples/compress-package.mjs')
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [example, ...args], { encoding: 'utf8' })
  expect(run(at(PACKAGE))).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^usage: node examples\/compress-package\.mjs /u),
  })
  const { status, stdout, stderr } = run(at(PACKAGE), at('example.mlpackage'))
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^int8\/channel model\.mlp_w \d\d\.\d dB$/mu)
  expect(stdout).toMatch(/^\d+ bytes before, \d+ after$/mu)
  expect((await mixbitJson(['verify', at('example.mlpackage')])).code).toBe(0)
})
