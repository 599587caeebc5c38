import { beforeAll, describe, expect, test } from 'vitest'

import type { Audit } from '../src/audit/audit-types.ts'
import { isJsonObject } from '../src/base/json-file.ts'
import type { Statistics } from '../src/calibrate/statistics.ts'
import { mergeConfig } from '../src/config/merge-config.ts'
import type { CheckpointModel } from '../src/convert/read-model.ts'
import { readCheckpointModel } from '../src/convert/read-model.ts'
import { storedBytes } from '../src/formats/part-bytes.ts'
import { auditModel } from '../src/pipeline/audit-model.ts'
import type { Importance } from '../src/pipeline/calibrate-model.ts'
import { NO_IMPORTANCE } from '../src/pipeline/calibrate-model.ts'
import { importanceForPlan, planModel, quantizeModel } from '../src/pipeline/quantize-model.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import { readPlan } from '../src/plan/read-plan.ts'
import type { WrittenModel } from '../src/quantize/write-model.ts'
import type { MemoryHost } from './helpers/memory-host.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { nanoFiles } from './helpers/nano.ts'

/** Without the search for the best clip, which takes the most time. */
const ROUNDED = mergeConfig({ preset: 'balanced', algorithm: 'round' }, {})

/** Only a few weights search. */
const SEARCHED = mergeConfig(
  { precision: 'fp16', layers: [{ pattern: 'decoder.layers.0.*', precision: 'int4' }] },
  {},
)

let host: MemoryHost
let model: CheckpointModel
let audit: Audit
let plan: Plan
beforeAll(async () => {
  host = memoryHost(await nanoFiles())
  model = await readCheckpointModel(host, 'nano')
  audit = await auditModel(host, model)
  plan = await planModel(host, audit, ROUNDED, null, null)
})

function write(
  folder: string,
  change: { plan?: Plan; importance?: Importance; tables?: 'shared' | 'copied' } = {},
): Promise<WrittenModel> {
  const request = {
    model,
    audit,
    plan,
    importance: NO_IMPORTANCE,
    folder,
    tables: 'shared' as const,
  }
  return quantizeModel(host, { ...request, ...change })
}

function jsonOf(path: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(new TextDecoder().decode(host.files.get(path)))
  if (!isJsonObject(value)) throw new TypeError(`${path} holds no object`)
  return value
}

/** The form of the token table in a written `plan.json`. */
function formOfTable(folder: string): string {
  const written = readPlan(jsonOf(`${folder}/plan.json`), 'plan.json')
  const table = written.layers.find(({ role }) => role === 'tied-embedding')
  return table?.form ?? ''
}

const hashes = ({ manifest }: WrittenModel): readonly string[] =>
  manifest.files.map(({ sha256 }) => sha256)

describe('the written folder', () => {
  let written: WrittenModel
  beforeAll(async () => {
    written = await write('shared')
  })

  test('counts the bytes that are there', () => {
    const onnx = [...host.files].filter(([path]) => path.startsWith('shared/onnx/'))
    expect(onnx.reduce((sum, [, bytes]) => sum + bytes.length, 0)).toBe(written.bytes)
    for (const { path, bytes } of written.manifest.files) {
      expect(host.files.get(`shared/${path}`)?.length).toBe(bytes)
    }
  })

  test('holds the weights of the plan, and little else', () => {
    expect(storedBytes(plan.layers)).toBe(plan.bytes)
    expect(written.bytes).toBeGreaterThanOrEqual(plan.bytes)
    expect(written.bytes).toBeLessThanOrEqual(1.05 * plan.bytes + 3 * 64_000)
    const components = Object.values(written.manifest.components)
    expect(components.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(plan.bytes)
    expect(components.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(audit.parameters)
  })

  test('says which files hold a component: the shared table lies with its lookup', () => {
    const { text_encoder: table, decoder } = written.manifest.components
    expect(table?.files).toEqual([
      'onnx/embed_tokens_quantized.onnx',
      'onnx/embed_tokens_quantized.onnx_data',
    ])
    expect(decoder?.files).toEqual([
      'onnx/decoder_model_merged_q4.onnx',
      'onnx/decoder_model_merged_q4.onnx_data',
    ])
  })

  test('carries the files of the checkpoint that a reader needs, unchanged', () => {
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'preprocessor_config.json']) {
      expect(host.files.get(`shared/${name}`)).toEqual(host.files.get(`nano/${name}`))
    }
    expect(host.files.has('shared/model.safetensors')).toBe(false)
    expect(jsonOf('shared/config.json')).toMatchObject({
      ...jsonOf('nano/config.json'),
      'transformers.js_config': {
        dtype: { embed_tokens: 'q8', vision_encoder: 'q4', decoder_model_merged: 'q4' },
        use_external_data_format: { 'embed_tokens_quantized.onnx': 1 },
      },
    })
  })

  test('holds its plan, which gives the same files again', async () => {
    expect(jsonOf('shared/plan.json')).toEqual(JSON.parse(JSON.stringify(plan)))
    const again = await planModel(host, audit, ROUNDED, 'shared/plan.json', null)
    expect(hashes(await write('again', { plan: again }))).toEqual(hashes(written))
  })
})

test('a self-contained folder has the table twice, and says what that costs', async () => {
  const shared = await write('once')
  const copied = await write('copied', { tables: 'copied' })
  const table = storedBytes(plan.layers.filter(({ role }) => role === 'tied-embedding'))
  const parameters = copied.manifest.components['text_encoder']?.parameters
  expect(copied.manifest.components['text_encoder']?.bytes).toBe(2 * table)
  expect(parameters).toBe(shared.manifest.components['text_encoder']?.parameters)
  expect(copied.bytes - shared.bytes).toBeGreaterThanOrEqual(table)
  expect(copied.bytes - shared.bytes).toBeLessThan(table + 8192)
  expect(formOfTable('once')).toBe('GatherBlockQuantized + MatMulNBits')
  expect(formOfTable('copied')).toBe('Gather + Sub + Mul + MatMulNBits')
  const codes = ({ plan }: WrittenModel): readonly string[] => plan.findings.map(({ code }) => code)
  expect(codes(shared)).toContain('table-shared')
  expect(codes(copied)).not.toContain('table-shared')
  expect(shared.findings).toEqual([])
  expect(copied.findings).toEqual([
    expect.objectContaining({
      code: 'table-copied',
      message: expect.stringContaining(`${table} bytes more`),
    }),
  ])
})

describe('calibration', () => {
  let searched: Plan
  beforeAll(async () => {
    searched = await planModel(host, audit, SEARCHED, null, null)
  })

  /** Statistics in which channel `i` of every layer has the mean square `square(i)`. */
  function statistics(square: (channel: number) => number): Statistics {
    const calibrated = audit.weights.filter(({ role }) => role === 'linear' || role === 'conv')
    const layers = calibrated.map(({ layer, shape }) => {
      const meanSquare = Array.from({ length: shape[1] ?? 0 }, (_, i) => square(i))
      return [layer, { count: 10, meanSquare }] as const
    })
    return {
      schema: 'mixbit/statistics@1',
      model: 'nano',
      data: 'cal',
      samples: 10,
      layers: Object.fromEntries(layers),
    }
  }

  async function importance(
    saved: Statistics | null,
    of: Plan = searched,
    name = 'statistics.json',
  ): Promise<Importance> {
    if (saved !== null) host.files.set(name, new TextEncoder().encode(JSON.stringify(saved)))
    const data = saved === null ? null : name
    const calibration = { data, samples: 10, sampling: 'spread' } as const
    const noFloat = (): never => {
      throw new TypeError('no float model is needed')
    }
    return importanceForPlan(host, model, audit, of, { calibration, seed: 0 }, noFloat)
  }

  test('other statistics give other codes, and the plan records whose they are', async () => {
    const rising = await importance(statistics((channel) => 1 + channel))
    const falling = await importance(statistics((channel) => 1 / (1 + channel)))
    const first = await write('rising', { plan: searched, importance: rising })
    const second = await write('falling', { plan: searched, importance: falling })
    const without = await write('without', { plan: searched })
    expect(jsonOf('rising/plan.json')['statistics']).toBe(rising.hash)
    expect(jsonOf('falling/plan.json')['statistics']).toBe(falling.hash)
    expect(jsonOf('without/plan.json')['statistics']).toBeNull()
    const data = (written: WrittenModel): string | undefined =>
      written.manifest.files.find(({ path }) => path.endsWith('merged_q4.onnx_data'))?.sha256
    expect(new Set([data(first), data(second), data(without)]).size).toBe(3)
  })

  test('a plan that names its statistics takes no others', async () => {
    const { hash } = await importance(statistics(() => 1))
    const named = { ...searched, statistics: hash }
    expect(
      (
        await importance(
          statistics(() => 1),
          named,
        )
      ).hash,
    ).toBe(hash)
    await expect(
      importance(
        statistics(() => 2),
        named,
      ),
    ).rejects.toMatchObject({
      code: 'statistics-mismatch',
    })
  })

  test('a plan that names its statistics says so when there are none', async () => {
    const before = host.events.length
    expect(await importance(null, { ...searched, statistics: 'a' })).toEqual(NO_IMPORTANCE)
    expect(host.events.slice(before)).toEqual([
      { kind: 'notice', message: expect.stringContaining('--calibration') },
    ])
  })

  test('statistics that nothing in the plan uses are not read', async () => {
    const config = mergeConfig({ preset: 'balanced', algorithm: 'round' }, {})
    const rounding = await planModel(host, audit, config, null, null)
    expect(
      await importance(
        statistics(() => 1),
        rounding,
      ),
    ).toEqual(NO_IMPORTANCE)
  })

  test('statistics of another model are refused', async () => {
    const { layers, ...rest } = statistics(() => 1)
    const [first = ''] = Object.keys(layers)
    const other = { ...rest, layers: { ...layers, [`${first}.x`]: { count: 1, meanSquare: [1] } } }
    await expect(importance(other)).rejects.toMatchObject({ code: 'statistics-mismatch' })
  })
})
