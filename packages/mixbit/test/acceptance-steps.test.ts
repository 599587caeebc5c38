import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mixbit, mixbitJson, nano, pocketVqa, root } from './built-mixbit.ts'
import { modelHashes } from './written-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-steps-'))
const at = (name: string): string => join(folder, name)
const calibration = ['--calibration', pocketVqa('calibration'), '--samples', '40']

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('one step after another', () => {
  beforeAll(async () => {
    const { code, stderr } = await mixbitJson(
      ['calibrate', nano, '--data', pocketVqa('calibration'), '--samples', '40'],
      ['-o', at('statistics.json')],
    )
    if (code !== 0) throw new Error(stderr)
    const quantized = await mixbitJson(['quantize', nano, ...calibration, '-o', at('direct')])
    if (quantized.code !== 0) throw new Error(quantized.stderr)
  })

  test('the file that calibrate wrote gives the bytes that its data gives', async () => {
    const { code } = await mixbitJson([
      'quantize',
      nano,
      '--calibration',
      at('statistics.json'),
      '-o',
      at('by-file'),
    ])
    expect(code).toBe(0)
    expect(modelHashes(at('by-file'))).toEqual(modelHashes(at('direct')))
  })

  test('one worker and two write the same bytes, and without calibration they are others', async () => {
    for (const workers of ['1', '2']) {
      const { code } = await mixbitJson([
        'quantize',
        nano,
        '--workers',
        workers,
        '-o',
        at(`workers-${workers}`),
      ])
      expect(code).toBe(0)
    }
    expect(modelHashes(at('workers-1'))).toEqual(modelHashes(at('workers-2')))
    expect(modelHashes(at('workers-1'))).not.toEqual(modelHashes(at('direct')))
  })

  test('a plan can be read, edited and followed', async () => {
    const planned = await mixbitJson(['plan', nano, '-o', at('plan.json')])
    expect(planned.code).toBe(0)
    const plan = JSON.parse(readFileSync(at('plan.json'), 'utf8'))
    expect(planned.json).toEqual(plan)
    const followed = await mixbitJson([
      'quantize',
      nano,
      '--plan',
      at('plan.json'),
      '-o',
      at('followed'),
    ])
    expect(followed.code, followed.stderr).toBe(0)

    const edited = 'decoder.layers.0.self_attn.q_proj.weight'
    const layer = plan.layers.find((each: { layer: string }) => each.layer === edited)
    layer.scheme = { kind: 'float', dtype: 'float16' }
    writeFileSync(at('edited.json'), JSON.stringify(plan))
    const { json } = await mixbitJson([
      'quantize',
      nano,
      '--plan',
      at('edited.json'),
      '-o',
      at('edited'),
    ])
    const before = Number(Object(followed.json).bytes)
    const after = Number(Object(json).bytes)
    // 192 x 192 weights: 4 bits and an fp16 scale for 32 of them, or 16 bits each; the rest is graph.
    const more = 192 * 192 * 2 - (192 * 192) / 2 - ((192 * 192) / 32) * 2
    expect(Math.abs(after - before - more)).toBeLessThan(1000)
    const written = JSON.parse(readFileSync(join(at('edited'), 'plan.json'), 'utf8'))
    const stored = written.layers.find((each: { layer: string }) => each.layer === edited)
    expect(stored.bytes).toEqual({ codes: 192 * 192 * 2, scales: 0, zeroPoints: 0 })
  })

  test('compare measures how far the outputs moved, and nothing against itself', async () => {
    const data = ['--data', pocketVqa('val'), '--limit', '10']
    const { code, json } = await mixbitJson(['compare', nano, at('direct'), ...data])
    expect(code).toBe(0)
    expect(json).toMatchObject({ samples: 10 })
    for (const output of Object(json).outputs) {
      expect(output.sqnrDb).toBeGreaterThan(15)
      expect(output.mse).toBeGreaterThan(0)
    }
    const same = await mixbitJson(['compare', at('direct'), at('direct'), ...data])
    for (const output of Object(same.json).outputs) {
      expect(output).toMatchObject({ mse: 0, maxAbsError: 0, sqnrDb: null, top1Agreement: 1 })
    }
  })
})

test('two evaluation sets have gates of their own, by flags and by a config file alike', async () => {
  const flags = await mixbitJson(
    ['run', nano, '--preset', 'quality_focused', '--component', 'decoder=int4/64', '--seed', '7'],
    ['--layer', 'decoder.layers.0.*=int8', '--max-drop', '0.2', '--limit', '30'],
    ['--eval', pocketVqa('val'), '--eval', pocketVqa('val-lowlight')],
    ['--budget', '8MB', '-o', at('by-flags')],
  )
  expect(flags.code, flags.stderr).toBe(0)
  const names = Object(flags.json).gates.map(({ name }: { name: string }) => name)
  expect(names).toEqual([
    'max-drop:val',
    'min-retained:val',
    'max-drop:val-lowlight',
    'min-retained:val-lowlight',
    'size',
  ])

  writeFileSync(
    at('mixbit.config.yaml'),
    [
      `model: ${nano}`,
      'preset: quality_focused',
      'components: { decoder: int4/64 }',
      'layers: { "decoder.layers.0.*": int8 }',
      'seed: 7',
      'evaluation:',
      `  - { data: ${pocketVqa('val')}, limit: 30, maxDrop: 0.2 }`,
      `  - { data: ${pocketVqa('val-lowlight')}, limit: 30, maxDrop: 0.2 }`,
      'budget: { size: 8MB }',
    ].join('\n'),
  )
  const file = at('mixbit.config.yaml')
  const config = await mixbitJson(['run', '--config', file, '-o', at('by-config')])
  expect({ ...Object(config.json), output: '' }).toEqual({ ...Object(flags.json), output: '' })
  expect(modelHashes(at('by-config'))).toEqual(modelHashes(at('by-flags')))
})

test('a run that is interrupted ends with 130 and leaves only what was there before', async () => {
  mkdirSync(at('stopped'))
  writeFileSync(join(at('stopped'), 'mixbit.json'), 'an older output')
  const { code, stdout, stderr } = await mixbit(
    ['run', nano, '--eval', pocketVqa('val'), '-o', at('stopped'), '--json'],
    {
      told: (child, said) => {
        if (said.includes('evaluate float: val') && !child.killed) child.kill('SIGINT')
      },
    },
  )
  expect(code).toBe(130)
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'cancelled' } })
  expect(stderr.trimEnd().split('\n').at(-1)).toBe('error cancelled: Stopped before the end.')
  expect(readdirSync(folder).filter((name) => name.startsWith('stopped'))).toEqual(['stopped'])
  expect(readFileSync(join(at('stopped'), 'mixbit.json'), 'utf8')).toBe('an older output')
})

test('an output of ours is replaced, that of somebody else is not, unless forced', async () => {
  const quantize = ['quantize', nano, '--algorithm', 'round', '-o', at('place')]
  mkdirSync(at('place'))
  writeFileSync(join(at('place'), 'diary.txt'), 'mine')
  const refused = await mixbitJson(quantize)
  expect(refused).toMatchObject({ code: 2, json: { error: { code: 'output-exists' } } })
  expect(readdirSync(at('place'))).toEqual(['diary.txt'])

  expect((await mixbitJson([...quantize, '--force'])).code).toBe(0)
  expect(existsSync(join(at('place'), 'diary.txt'))).toBe(false)

  writeFileSync(join(at('place'), 'left-over'), 'of the older run')
  expect((await mixbitJson(quantize)).code).toBe(0)
  expect(existsSync(join(at('place'), 'left-over'))).toBe(false)
  expect(readdirSync(folder).filter((name) => name.startsWith('place'))).toEqual(['place'])
})

test('a plan is not written over a file that Mixbit did not make', async () => {
  writeFileSync(at('config.json'), '{"model_type": "mine"}')
  for (const command of [
    ['plan', nano],
    ['calibrate', nano, '--data', pocketVqa('calibration')],
  ]) {
    const { code, json } = await mixbitJson([...command, '-o', at('config.json')])
    expect({ code, json }).toMatchObject({ code: 2, json: { error: { code: 'output-exists' } } })
  }
  expect(readFileSync(at('config.json'), 'utf8')).toBe('{"model_type": "mine"}')
})

test('paths under the folder where one works are shown short', async () => {
  const { code, stdout } = await mixbit(
    ['quantize', join(root, 'fixtures/fastvlm-nano'), '--algorithm', 'round', '-o', 'short'],
    { cwd: folder },
  )
  expect(code).toBe(0)
  expect(stdout).toMatch(/^short {2}\d\.\d\d MB in /u)
  expect(stdout).toContain('mixbit evaluate short --data')
})
