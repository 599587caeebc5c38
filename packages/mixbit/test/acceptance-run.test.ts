import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mixbit, mixbitJson, nano, pocketVqa } from './built-mixbit.ts'
import { modelFiles, storedTensors } from './written-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-run-'))
const out = join(folder, 'out')

/** Half a minute alone on two cores; other tests run beside it. */
const BUSY_MS = 300_000

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('mixbit run with the balanced preset, on all questions', () => {
  let ended: Awaited<ReturnType<typeof mixbit>>

  beforeAll(async () => {
    const data = ['--calibration', pocketVqa('calibration'), '--eval', pocketVqa('val')]
    const kind = ['--preset', 'balanced', '--target', 'transformers-js']
    ended = await mixbit(['run', nano, ...kind, ...data, '-o', out, '--json'])
  }, BUSY_MS)

  test('passes, keeps the accuracy, and says so in one JSON object on stdout', () => {
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stdout.endsWith('}\n')).toBe(true)
    const result = JSON.parse(ended.stdout)
    expect(result).toMatchObject({ passed: true, output: out })
    expect(result.before.bytes).toBe(8_764_784)
    expect(result.before.value).toBeGreaterThanOrEqual(0.985)
    expect(result.after.value).toBeGreaterThanOrEqual(0.98)
    expect(result.gates.map(({ name }: { name: string }) => name)).toEqual([
      'max-drop',
      'min-retained',
    ])
  })

  test('reports the bytes that lie on disk, at most 3.2 MB', () => {
    const onDisk = [...modelFiles(out).values()].reduce((sum, bytes) => sum + bytes, 0)
    expect(JSON.parse(ended.stdout).after.bytes).toBe(onDisk)
    expect(onDisk).toBeLessThanOrEqual(3_200_000)
  })

  test('codes, scales and zero points take what the plan predicted, weight by weight', () => {
    const { layers, bytes } = JSON.parse(readFileSync(join(out, 'plan.json'), 'utf8'))
    const stored = new Map<string, number>()
    for (const name of [...modelFiles(out).keys()].filter((each) => each.endsWith('.onnx'))) {
      for (const [tensor, part] of storedTensors(join(out, 'onnx', name))) {
        stored.set(tensor, part.bytes)
      }
    }
    const size = (name: string): number => stored.get(name) ?? 0
    const found = layers.map(({ layer }: { layer: string }) => {
      // The one table has the name that both of its graphs know it by.
      const name = layer === 'text_encoder.weight' ? 'embed_tokens.weight' : layer
      return {
        layer,
        bytes: {
          codes: size(name) + size(`${name}_quantized`),
          scales: size(`${name}_scale`),
          zeroPoints: size(`${name}_zero_point`),
        },
      }
    })
    expect(layers.length).toBe(169)
    expect(found).toEqual(
      layers.map(({ layer, bytes }: { layer: string; bytes: object }) => ({ layer, bytes })),
    )
    const total = [...stored.values()].reduce((sum, each) => sum + each, 0)
    const constants = [...stored].filter(
      ([name]) => /^(?:float32|int64)[[:]/u.test(name) || name.endsWith('_shape'),
    )
    expect(bytes).toBe(total - constants.reduce((sum, [, each]) => sum + each, 0))
  })

  test('each graph with its data takes little more than its weights', () => {
    const files = modelFiles(out)
    const graphs = [...files.keys()].filter((name) => name.endsWith('.onnx'))
    expect(graphs).toHaveLength(3)
    for (const name of graphs) {
      const own = [name, `${name}_data`]
      const weights = [...storedTensors(join(out, 'onnx', name)).values()]
        .filter(({ file }) => own.includes(file))
        .reduce((sum, { bytes }) => sum + bytes, 0)
      const size = own.reduce((sum, each) => sum + (files.get(each) ?? 0), 0)
      expect(size).toBeLessThanOrEqual(weights * 1.05 + 64_000)
    }
  })

  test('the text for people ends with the report and a next step', () => {
    expect(ended.stderr).toContain('evaluate quantized: ')
    expect(ended.stderr).toMatch(
      /\nPASSED {2}fastvlm-nano: balanced for transformers-js {2}8\.76 MB to 2\.\d+ MB, /u,
    )
    expect(ended.stderr).toMatch(/\nReport: .*report\.html\nNext: .*mixbit evaluate/u)
    const lines = ended.stderr.split('\n').filter((line) => line !== '')
    expect(lines.filter((line) => lines.indexOf(line) !== lines.lastIndexOf(line))).toEqual([])
  })

  test('the written folder is measured again by evaluate, with the same result', async () => {
    const limit = ['--limit', '100']
    const data = ['--data', pocketVqa('val-lowlight')]
    const { code, json, stderr } = await mixbitJson(['evaluate', out, ...data, ...limit])
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ metric: 'vqa-accuracy', samples: 100, data: 'val-lowlight' })
    const again = await mixbitJson(['evaluate', out, ...data, ...limit, '--workers', '1'])
    const untimed = { ...Object(json), seconds: 0 }
    expect({ ...Object(again.json), seconds: 0 }).toEqual(untimed)
  })

  test('report makes the page again from report.json', async () => {
    const page = join(out, 'report.html')
    const first = reportIn(page)
    rmSync(page)
    const { code, json } = await mixbitJson(['report', out])
    expect({ code, json }).toMatchObject({ code: 0, json: { output: page } })
    expect(reportIn(page)).toEqual(first)
    expect(first).toMatchObject({
      title: 'fastvlm-nano: balanced for transformers-js',
      passed: true,
    })
    expect(first).toEqual(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')))
  })
})

test('without protection and with plain rounding the gates fail, and the work is written', async () => {
  const { code, json } = await mixbitJson(
    ['run', nano, '--no-protect', '--algorithm', 'round'],
    ['--eval', pocketVqa('val'), '--limit', '200', '-o', join(folder, 'rough')],
  )
  expect(code).toBe(1)
  expect(json).toMatchObject({ passed: false })
  const { before, after } = JSON.parse(JSON.stringify(json))
  expect(after.value).toBeLessThan(before.value - 0.05)
  expect(after.value).toBeGreaterThan(0.5)
  expect([...modelFiles(join(folder, 'rough')).keys()]).toHaveLength(6)
})

/** The report that a page was made from. */
function reportIn(page: string): unknown {
  const text = readFileSync(page, 'utf8')
  const [, json = ''] =
    /<script type="application\/json" id="report">(.*?)<\/script>/su.exec(text) ?? []
  return JSON.parse(json)
}
