import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PACKAGE, testBuilder, testFiles, testModel } from '../../core/test/helpers/coreml.ts'
import { parseCommandArgs } from '../src/cli/parse-args.ts'
import { resolveSettings } from '../src/cli/settings.ts'
import { verbs } from '../src/cli/verbs.ts'
import { mixbit, mixbitJson, nano } from './built-mixbit.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-coreml-places-'))
const at = (name: string): string => join(folder, name)
const one = ['--workers', '1']

beforeAll(async () => {
  const { body, blobs, weight, op } = testBuilder()
  weight('stem_w', [64, 48])
  const half = (...shape: readonly number[]) => ({ dtype: 'float16', shape }) as const
  op('linear', { x: 'x', weight: 'stem_w' }, 'y', half(1, 64))
  body.outputs.push('y')
  const model = testModel({ main: { body, inputs: { x: half(1, 48) } } }, 7)
  for (const [path, bytes] of await testFiles(model, blobs)) {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), bytes)
  }
  for (const name of ['plain', 'UP.MLPACKAGE']) cpSync(at(PACKAGE), at(name), { recursive: true })
  for (const name of ['empty.mlpackage', 'm.mlmodelc', 'other']) mkdirSync(at(name))
  writeFileSync(at('other/Manifest.json'), '{"files": []}')
  writeFileSync(at('file.mlpackage'), 'not a package')
  for (const name of ['zipped.mlpackage', 'm.mlpackage.zip'])
    writeFileSync(at(name), 'PK\u0003\u0004, and what is in it')
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('a package is known by its manifest, whatever its name', () => {
  test.for(['plain', 'UP.MLPACKAGE'])('%s', async (name) => {
    const output = ['-o', at(`${name}-small.mlpackage`)]
    expect(await mixbitJson(['quantize', at(name)], output, one)).toMatchObject({ code: 0 })
    const compared = await mixbitJson(['compare', at(name)], [at(`${name}-small.mlpackage`)], one)
    expect(compared).toMatchObject({ code: 0, json: { data: 'weights' } })
    expect(await mixbitJson(['verify', at(name)])).toMatchObject({ code: 0 })
    const dense = ['convert', at(name), '--decompress', '-o', at(`${name}-dense.mlpackage`)]
    expect(await mixbitJson(dense)).toMatchObject({ code: 0 })
  })

  test('also from inside', async () => {
    const { code, stdout } = await mixbit(['audit', '.', '--json', '--quiet'], { cwd: at('plain') })
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { format: 'coreml' }])
  })

  test('what is written still has the name of one', async () => {
    const argv = ['quantize', at('plain'), '-o', at('small')]
    expect(await mixbitJson(argv)).toMatchObject({ code: 2, json: { error: { code: 'usage' } } })
  })
})

describe('what is no package is told apart', () => {
  test.for([
    ['audit', 'nothing.mlpackage', 'not-found', /nothing\.mlpackage" does not exist\.$/u],
    ['verify', 'nothing.mlpackage', 'not-found', /nothing\.mlpackage" does not exist\.$/u],
    ['audit', 'empty.mlpackage', 'not-found', /no Core ML package: it has no Manifest\.json/u],
    ['audit', 'other', 'unknown-format', /neither mixbit\.json, nor .* Core ML packages/u],
    ['quantize', 'file.mlpackage', 'unknown-format', /is a file; a Core ML package is a folder/u],
    ['verify', 'zipped.mlpackage', 'unknown-format', /is a zip archive\. Unpack it/u],
    ['audit', 'm.mlpackage.zip', 'unknown-format', /is a zip archive\. Unpack it/u],
    ['audit', 'm.mlmodelc', 'unsupported-model', /compiled .* Give the \.mlpackage that/u],
    ['convert', 'm.mlmodelc', 'unsupported-model', /compiled .* Give the \.mlpackage that/u],
    [
      'audit',
      'plain/Manifest.json',
      'unknown-format',
      /lies inside .* Give the package: ".*plain"/u,
    ],
    ['verify', 'plain/Data/com.apple.CoreML', 'unknown-format', /Give the package: ".*plain"/u],
    [
      'run',
      'plain',
      'unsupported-model',
      /audit, plan, quantize, compare, verify and convert can/u,
    ],
  ] as const)('%s %s', async ([command, name, code, says]) => {
    const argv = command === 'convert' ? [command, '--decompress'] : [command]
    const output = ['audit', 'verify'].includes(command) ? [] : ['-o', at('out.mlpackage')]
    const { code: exit, json } = await mixbitJson(argv, [at(name)], output)
    expect([exit, json]).toMatchObject([
      2,
      { error: { code, message: expect.stringMatching(says) } },
    ])
  })

  test('verify says which check of an empty folder failed, and what was not looked at', async () => {
    const { code, json } = await mixbitJson(['verify', at('empty.mlpackage')])
    expect([code, json]).toMatchObject([
      1,
      {
        passed: false,
        checks: [
          { name: 'manifest', status: 'failed', message: expect.stringMatching(/no Manifest/u) },
          ...Array.from({ length: 8 }, () => ({
            status: 'skipped',
            message: 'not looked at, because "manifest" failed',
          })),
        ],
      },
    ])
  })

  test('two models of different kinds are not compared', async () => {
    const { code, json } = await mixbitJson(['compare', at('plain'), nano, '--data', 'x'])
    expect([code, json]).toMatchObject([
      2,
      { error: { code: 'unsupported-model', message: expect.stringMatching(/Compare two pack/u) } },
    ])
    expect(await mixbitJson(['compare', at('plain'), at('nothing')])).toMatchObject({
      json: { error: { code: 'not-found' } },
    })
  })
})

describe('nothing is written into a package', () => {
  test.for([
    [['plan', '-o', at('plain/plan.json')], /plan\.json" lies inside the model/u],
    [['plan', '-o', at('plain/Data/new/plan.json')], /plan\.json" lies inside the model/u],
    [['quantize', '-o', at('plain/x.mlpackage')], /x\.mlpackage" lies inside the model/u],
    [['quantize', '--force', '-o', at('plain')], /is the model itself/u],
  ] as const)('%s', async ([argv, says]) => {
    const model = argv[0] === 'quantize' ? at(PACKAGE) : at('plain')
    const [command, ...rest] = argv
    const asked = rest.map((each) => each.replace(at('plain'), model))
    const { code, json } = await mixbitJson([command, model], asked, one)
    expect([code, json]).toMatchObject([
      2,
      { error: { code: 'usage', message: expect.stringMatching(says) } },
    ])
    expect(readdirSync(model).toSorted()).toEqual(['Data', 'Manifest.json'])
  })
})

describe('what a package cannot use is refused, not ignored', () => {
  async function settings(verb: string, argv: readonly string[]) {
    const spec = verbs.find((each) => each.name === verb)
    return resolveSettings(await parseCommandArgs(spec ?? expect.fail(verb), argv), folder)
  }

  test.for([
    [
      'quantize',
      ['--calibration', 'none.json', '--runtime', 'arm64'],
      /^--calibration and --runtime have no/u,
    ],
    ['quantize', ['--samples', '3'], /^--samples has no effect on a Core ML package/u],
    ['plan', ['--sampling', 'diverse'], /^--sampling has/u],
    ['plan', ['--calibrator', 'mse'], /^--calibrator has/u],
    ['quantize', ['--self-contained'], /^--self-contained has .* always holds all its weights/u],
    ['audit', ['--dtype', 'q4'], /^--dtype has/u],
    ['compare', ['b', '--data', 'none'], /^--data has .* nothing is run/u],
    ['compare', ['b', '--layers', '--limit', '3'], /^--layers and --limit have/u],
    ['compare', ['b', '--numerics', 'device'], /^--numerics has/u],
    ['compare', ['--options', '--data', 'd'], /^--options and --data have/u],
  ] as const)('%s %s', async ([verb, argv, says]) => {
    await expect(settings(verb, [at('plain'), ...argv])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(says),
    })
  })

  test.for([
    ['budget: { size: 1MB }', /^"budget\.size" of the config has no effect/u],
    [
      'calibration: { data: d.json, samples: 3 }',
      /^"calibration\.data" .* and "calibration\.samples"/u,
    ],
    ['evaluation: [{ data: val.json }]', /^"evaluation" of the config has/u],
    ['numerics: device', /^"numerics" of the config has/u],
  ] as const)('%s in a config', async ([text, says]) => {
    const config = at('c.yaml')
    writeFileSync(config, text)
    await expect(settings('plan', [at('plain'), '--config', config])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(says),
    })
    await expect(settings('plan', ['m', '--config', config])).resolves.toMatchObject({ model: 'm' })
  })

  test('what it can use is taken', async () => {
    const argv = [
      at('plain'),
      '--precision',
      'int4',
      '--algorithm',
      'mse',
      '--target',
      'coreml-ios18',
    ]
    await expect(settings('quantize', [...argv, '--compute-unit', 'ane'])).resolves.toMatchObject({
      computeUnit: 'ane',
    })
  })
})
