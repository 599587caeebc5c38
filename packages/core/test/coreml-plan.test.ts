import { describe, expect, test } from 'vitest'

import type { WeightFacts } from '../src/audit/audit-types.ts'
import { mergeConfig } from '../src/config/merge-config.ts'
import type { Settings } from '../src/config/settings.ts'
import { sizesValue } from '../src/formats/coreml/make-values.ts'
import type { CoremlModel } from '../src/formats/coreml/read-package.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import type { StaticTensor } from '../src/formats/coreml/value-types.ts'
import {
  auditCoremlPackage,
  planCoremlPackage,
  readCoremlPlan,
} from '../src/pipeline/coreml-package.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import { precisionName } from '../src/scheme/precision.ts'
import { floatBytes, INT, PACKAGE, testBuilder, testHost } from './helpers/coreml.ts'
import type { TestBuilder } from './helpers/coreml.ts'
import { OUT, quantized } from './helpers/coreml-quantized.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

const half = (...shape: readonly number[]): StaticTensor => ({ dtype: 'float16', shape })

/** x -> conv -> layers_0 -> layers_1 -> head, with a mask, a table and a recurrent layer beside. */
function program(): TestBuilder {
  const builder = testBuilder()
  const { weight, op, body, blobs, constant } = builder
  weight('stem_w', [32, 16, 3, 3])
  op('conv', { x: 'x', weight: 'stem_w' }, 'stem', half(1, 32, 8, 8))
  op('relu', { x: 'stem' }, 'stem_relu', half(1, 32, 8, 8))
  for (const [layer, input] of [
    [0, 'stem_relu'],
    [1, 'layers_0_out'],
  ] as const) {
    weight(`layers_${layer}_up_w`, [64, 32])
    weight(`layers_${layer}_down_w`, [32, 64])
    op('linear', { x: input, weight: `layers_${layer}_up_w` }, `layers_${layer}_up`, half(1, 64))
    op(
      'linear',
      { x: `layers_${layer}_up`, weight: `layers_${layer}_down_w` },
      `layers_${layer}_out`,
      half(1, 32),
    )
  }
  const mask = Array.from({ length: 2048 }, (_, at) =>
    at % 3 === 0 ? Number.NEGATIVE_INFINITY : 0,
  )
  constant('mask', blobs.add(half(64, 32), floatBytes(mask, 'float16')))
  weight('positions', [64, 32])
  op('add', { x: 'layers_1_out', y: 'mask' }, 'masked', half(64, 32))
  op('add', { x: 'masked', y: 'positions' }, 'placed', half(64, 32))
  weight('head_w', [32, 48])
  op('matmul', { x: 'placed', y: 'head_w' }, 'y', half(64, 48))
  body.outputs.push('y')
  return builder
}

async function opened(builder: TestBuilder, spec = 7) {
  const host = await testHost({ main: { body: builder.body } }, builder.blobs, spec)
  const model = await readCoremlPackage(host, PACKAGE)
  return { host, model, audit: await auditCoremlPackage(host, model) }
}

type Opened = { readonly host: MemoryHost; readonly model: CoremlModel }

const byName = (weights: readonly WeightFacts[]): ReadonlyMap<string, WeightFacts> =>
  new Map(weights.map((weight) => [weight.layer, weight]))

const precisions = ({ layers }: Plan): Readonly<Record<string, string>> =>
  Object.fromEntries(layers.map(({ layer, scheme }) => [layer, precisionName(scheme)]))

const config = (settings: Settings): ReturnType<typeof mergeConfig> => mergeConfig(settings, {})

describe('the audit of a package', () => {
  test('says what each weight is, where it stands and how it is stored', async () => {
    const { audit } = await opened(program())
    expect(audit).toMatchObject({ format: 'coreml', model: PACKAGE })
    expect(audit.components['model']?.operators).toEqual({
      linear: 4,
      add: 2,
      conv: 1,
      matmul: 1,
      relu: 1,
    })
    const facts = byName(audit.weights)
    expect(facts.get('model.stem_w')).toMatchObject({
      role: 'conv',
      position: 'stem',
      dtype: 'float16',
      bytes: 9216,
      outputAxis: 0,
      stored: { precision: 'fp16', ops: ['const'], computes: 'float16', isCompressed: false },
    })
    expect(facts.get('model.layers_0_up_w')).toMatchObject({ role: 'linear', position: 'inner' })
    // matmul by (inputs, outputs): the outputs are on axis 1.
    expect(facts.get('model.head_w')).toMatchObject({
      position: 'last',
      outputAxis: 1,
      inputAxis: 0,
    })
    expect(facts.get('model.positions')).toMatchObject({ role: 'other' })
    expect(facts.get('model.mask')).toMatchObject({
      outputAxis: null,
      whyFloat: 'it holds infinities or NaN, as masks do',
    })
    expect(audit.findings).toEqual([])
  })

  test('knows where a weight stands that is moved before it multiplies', async () => {
    const builder = testBuilder()
    const { weight, op, body } = builder
    weight('first', [64, 32])
    op('transpose', { x: 'first', perm: sizesValue([1, 0]) }, 'first_t', half(32, 64))
    op('matmul', { x: 'x', y: 'first_t' }, 'a', half(1, 64))
    weight('second', [64, 64])
    op('linear', { x: 'a', weight: 'second' }, 'b', half(1, 64))
    weight('third', [32, 64])
    op('expand_dims', { x: 'third', axes: sizesValue([0]) }, 'third_e', half(1, 32, 64))
    op('squeeze', { x: 'third_e', axes: sizesValue([0]) }, 'third_s', half(32, 64))
    op('linear', { x: 'b', weight: 'third_s' }, 'y', half(1, 32))
    body.outputs.push('y')
    const { audit } = await opened(builder)
    expect(audit.weights.map(({ role, position }) => [role, position])).toEqual([
      ['matrix', 'stem'],
      ['linear', 'inner'],
      ['matrix', 'last'],
    ])
  })

  test('says nothing of the dimensions of tables, which are two more than those of their weights', async () => {
    const { weight, op, body, blobs } = testBuilder()
    weight('conv_w', [32, 16, 3, 3])
    op('conv', { x: 'x', weight: 'conv_w' }, 'y', half(1, 32, 8, 8))
    body.outputs.push('y')
    const host = await testHost({ main: { body } }, blobs, 9)
    await quantized(host, { precision: 'palette4/int8' })
    const model = await readCoremlPackage(host, OUT)
    const { weights, findings } = await auditCoremlPackage(host, model)
    expect(weights.map(({ stored }) => stored?.precision)).toEqual(['palette4/int8'])
    expect(findings).toEqual([])
  })

  test('tells what devices make of what is there', async () => {
    const builder = testBuilder()
    const { weight, op, attributes, body, blobs } = builder
    const codes = blobs.add({ dtype: 'int8', shape: [64, 32] }, new Uint8Array(2048).fill(3))
    const scale = blobs.add(half(64), floatBytes(new Float32Array(64).fill(0.5), 'float16'))
    const zero = blobs.add({ dtype: 'int8', shape: [64] }, new Uint8Array(64))
    const parameters = { quantized_data: codes, zero_point: zero, scale, axis: INT(0) }
    attributes('constexpr_affine_dequantize', parameters, 'old_w', half(64, 32))
    op('linear', { x: 'x', weight: 'old_w' }, 'a', half(1, 64))
    weight('wide_w', [16_385, 64])
    op('linear', { x: 'a', weight: 'wide_w' }, 'b', half(1, 1, 1, 1, 1, 16_385))
    weight('float_w', [32, 32], { dtype: 'float32' })
    op('linear', { x: 'b', weight: 'float_w' }, 'c', { dtype: 'float32', shape: [1, 32] })
    op('lstm', { x: 'c' }, 'y')
    body.outputs.push('y')
    const { audit, host, model } = await opened(builder)
    expect(audit.findings.map(({ code }) => code)).toEqual([
      'high-rank',
      'signed-int8',
      'ane-large-dimension',
      'ane-float32',
      'ane-recurrent',
    ])
    expect(byName(audit.weights).get('model.old_w')?.stored).toMatchObject({
      ops: ['constexpr_affine_dequantize'],
      isCompressed: true,
    })
    const forGpu = await auditCoremlPackage(host, model, 'gpu')
    expect(forGpu.findings.map(({ code }) => code)).toEqual(['high-rank', 'signed-int8'])
  })
})

describe('the plan of a package', () => {
  test('is int8 without any wish, for the oldest system that reads it', async () => {
    const { model, audit } = await opened(program(), 6)
    const plan = planCoremlPackage(model, audit, config({}))
    expect(plan.target).toBe('coreml-ios16')
    expect(precisions(plan)).toEqual({
      'model.stem_w': 'int8/channel',
      'model.layers_0_up_w': 'int8/channel',
      'model.layers_0_down_w': 'int8/channel',
      'model.layers_1_up_w': 'int8/channel',
      'model.layers_1_down_w': 'int8/channel',
      'model.mask': 'fp16',
      'model.positions': 'fp16',
      'model.head_w': 'int8/channel',
    })
    expect(plan.layers.at(-1)?.scheme).toMatchObject({ granularity: { axis: 1 } })
  })

  test('mixes families in one command, and raises the target only as far as they need', async () => {
    const { model, audit } = await opened(program())
    const layers = [
      { pattern: 'model.layers_*', precision: 'palette4' },
      { pattern: '*_down_w', precision: 'int8' },
      { pattern: '*head*', precision: 'sparse50+palette4' },
    ]
    const mixed = planCoremlPackage(model, audit, config({ precision: 'fp16', layers }))
    expect(precisions(mixed)).toMatchObject({
      'model.stem_w': 'fp16',
      'model.layers_0_up_w': 'palette4',
      'model.layers_1_down_w': 'int8/channel',
      'model.head_w': 'sparse50+palette4',
    })
    expect(mixed.target).toBe('coreml-ios18')
    const older = planCoremlPackage(
      model,
      audit,
      config({ precision: 'fp16', layers: layers.slice(0, 2) }),
    )
    expect(older.target).toBe('coreml-ios16')
    expect(older.layers.map(({ algorithm }) => algorithm)).toContain('kmeans')
  })

  test('components are protected, names are taken literally', async () => {
    const { model, audit } = await opened(program())
    const plan = planCoremlPackage(model, audit, config({ components: { model: 'int4' } }))
    expect(precisions(plan)).toMatchObject({
      'model.stem_w': 'int8/channel',
      'model.layers_0_up_w': 'int4/channel',
      'model.layers_0_down_w': 'int4/32',
      'model.head_w': 'int8/channel',
    })
  })

  test('what no operator multiplies by is stored otherwise only where its layer is named', async () => {
    const { model, audit } = await opened(program())
    const layers = [{ pattern: 'model.positions', precision: 'palette1' }]
    const plan = planCoremlPackage(model, audit, config({ precision: 'int8', layers }))
    expect(precisions(plan)).toMatchObject({
      'model.positions': 'palette1',
      'model.mask': 'fp16',
    })
  })

  test('leaves compressed weights alone, and says so', async () => {
    const builder = testBuilder()
    const { attributes, op, weight, body, blobs } = builder
    const packed = blobs.add({ dtype: 'uint8', shape: [1024] }, new Uint8Array(1024).fill(0x21))
    const table = blobs.add(
      half(16),
      floatBytes(
        Array.from({ length: 16 }, (_, k) => k),
        'float16',
      ),
    )
    const shape = sizesValue([64, 32])
    attributes('constexpr_lut_to_dense', { indices: packed, lut: table, shape }, 'w', half(64, 32))
    weight('v', [64, 64])
    op('linear', { x: 'x', weight: 'w' }, 'a', half(1, 64))
    op('linear', { x: 'a', weight: 'v' }, 'y', half(1, 64))
    body.outputs.push('y')
    const { model, audit } = await opened(builder)
    const plan = planCoremlPackage(model, audit, config({ precision: 'int8' }))
    expect(precisions(plan)).toEqual({ 'model.w': 'palette4', 'model.v': 'int8/channel' })
    expect(plan.layers[0]).toMatchObject({
      kept: true,
      bytes: { codes: audit.weights[0]?.bytes },
      reasons: ['stored as palette4 already'],
    })
    expect(plan.findings.map(({ code }) => code)).toEqual(['already-compressed'])
    const named = [{ pattern: 'model.w', precision: 'int8' }]
    const again = planCoremlPackage(model, audit, config({ layers: named }))
    expect(again.layers[0]).toMatchObject({ scheme: { kind: 'affine' } })
    expect(again.layers[0]?.kept).toBeUndefined()
  })

  test('warns where the package is newer than the target', async () => {
    const { model, audit } = await opened(program(), 9)
    const plan = planCoremlPackage(
      model,
      audit,
      config({ precision: 'int4', target: 'coreml-ios16' }),
    )
    expect(plan.findings.map(({ code }) => code)).toContain('older-target')
    expect(precisions(plan)).toMatchObject({ 'model.layers_0_down_w': 'int4/32' })
  })

  test('an algorithm that fits nothing is told', async () => {
    const { model, audit } = await opened(program())
    const codes = (settings: Settings): readonly string[] =>
      planCoremlPackage(model, audit, config(settings)).findings.map(({ code }) => code)
    expect(codes({ precision: 'int8', algorithm: 'kmeans' })).toContain('algorithm-unused')
    expect(codes({ precision: 'palette4', algorithm: 'mse' })).toContain('algorithm-unused')
    expect(codes({ precision: 'palette4', algorithm: 'uniform' })).not.toContain('algorithm-unused')
  })

  test('targets and presets of other models are refused', async () => {
    const { model, audit } = await opened(program())
    const planning = (settings: Settings) => () => planCoremlPackage(model, audit, config(settings))
    expect(planning({ target: 'onnx' })).toThrow(
      expect.objectContaining({ code: 'unsupported-target' }),
    )
    expect(planning({ preset: 'balanced' })).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

describe('a plan from a file', () => {
  test('is put on the package as it was made', async () => {
    const { host, model, audit } = await opened(program())
    const plan = planCoremlPackage(model, audit, config({ precision: 'palette4/g16' }))
    expect(await givenBack({ host, model }, audit, plan)).toEqual(plan)
  })

  test('may be edited: forms and bytes follow', async () => {
    const { host, model, audit } = await opened(program())
    const plan = planCoremlPackage(model, audit, config({ target: 'coreml-ios18' }))
    const [first, ...rest] = plan.layers
    if (first === undefined) throw new TypeError('no layers')
    const edited = { ...first, scheme: { kind: 'float', dtype: 'float16' } } as const
    const read = await givenBack({ host, model }, audit, { ...plan, layers: [edited, ...rest] })
    expect(read.layers[0]).toMatchObject({ form: 'const', bytes: { codes: 9216, scales: 0 } })
  })

  test('of another kind of model, or with what no target holds, is refused', async () => {
    const { host, model, audit } = await opened(program())
    const plan = planCoremlPackage(model, audit, config({ precision: 'int4' }))
    await expect(givenBack({ host, model }, audit, { ...plan, target: 'onnx' })).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-plan' }),
    )
    await expect(
      givenBack({ host, model }, audit, { ...plan, target: 'coreml-ios16' }),
    ).rejects.toThrow(expect.objectContaining({ code: 'unsupported-scheme' }))
    const kept = plan.layers.map((layer) => ({ ...layer, kept: true as const }))
    await expect(givenBack({ host, model }, audit, { ...plan, layers: kept })).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-plan' }),
    )
  })
})

async function givenBack(
  { host, model }: Opened,
  audit: Parameters<typeof readCoremlPlan>[2],
  plan: Plan,
): Promise<Plan> {
  host.files.set('plan.json', new TextEncoder().encode(JSON.stringify(plan)))
  return readCoremlPlan(host, model, audit, 'plan.json')
}
