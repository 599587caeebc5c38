import { describe, expect, test } from 'vitest'

import { mergeConfig } from '../src/config/merge-config.ts'
import type { Settings } from '../src/config/settings.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import type { StaticTensor } from '../src/formats/coreml/value-types.ts'
import {
  auditCoremlPackage,
  planCoremlPackage,
  readCoremlPlan,
} from '../src/pipeline/coreml-package.ts'
import { countKeptOfPlan } from '../src/pipeline/count-kept.ts'
import { forecastPlan } from '../src/pipeline/forecast-plan.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import { floatBytes, INT, PACKAGE, testBuilder, testHost } from './helpers/coreml.ts'
import type { TestBuilder } from './helpers/coreml.ts'
import { OUT, quantized } from './helpers/coreml-quantized.ts'

const half = (...shape: readonly number[]): StaticTensor => ({ dtype: 'float16', shape })

type Dtype = 'float16' | 'float32'

/** Linear layers, one behind the other, of (inputs, outputs) or more sizes. */
function chain(sizes: readonly number[], dtype: Dtype = 'float16'): TestBuilder {
  const builder = testBuilder()
  for (const [at, columns] of sizes.slice(0, -1).entries()) {
    const rows = sizes[at + 1] ?? 0
    builder.weight(`w${at}`, [rows, columns], { dtype })
    const input = at === 0 ? 'x' : `y${at - 1}`
    builder.op('linear', { x: input, weight: `w${at}` }, `y${at}`, { dtype, shape: [1, rows] })
  }
  builder.body.outputs.push(`y${sizes.length - 2}`)
  return builder
}

async function opened(builder: TestBuilder, spec = 7) {
  const host = await testHost({ main: { body: builder.body } }, builder.blobs, spec)
  const model = await readCoremlPackage(host, PACKAGE)
  const audit = await auditCoremlPackage(host, model)
  const planned = (settings: Settings): Plan =>
    planCoremlPackage(model, audit, mergeConfig(settings, {}))
  return { host, model, audit, planned }
}

type Opened = Awaited<ReturnType<typeof opened>>

/** The plan as `--plan` takes it. */
async function givenBack({ host, model, audit }: Opened, plan: Plan): Promise<Plan> {
  host.files.set('plan.json', new TextEncoder().encode(JSON.stringify(plan)))
  return readCoremlPlan(host, model, audit, 'plan.json')
}

const codes = ({ findings }: Pick<Plan, 'findings'>): readonly string[] =>
  findings.map(({ code }) => code)

const messageOf = ({ findings }: Pick<Plan, 'findings'>, wanted: string): string =>
  findings.find(({ code }) => code === wanted)?.message ?? 'none'

/** A linear layer whose weight is stored as iOS 16 stores signed integers; `name` is its name. */
function signedLayer({ attributes, op, blobs }: TestBuilder, name: string): void {
  const codes = blobs.add({ dtype: 'int8', shape: [64, 64] }, new Uint8Array(4096).fill(3))
  const scale = blobs.add(half(64), floatBytes(new Float32Array(64).fill(0.5), 'float16'))
  const zero = blobs.add({ dtype: 'int8', shape: [64] }, new Uint8Array(64))
  const parameters = { quantized_data: codes, zero_point: zero, scale, axis: INT(0) }
  attributes('constexpr_affine_dequantize', parameters, name, half(64, 64))
  op('linear', { x: 'x', weight: name }, `${name}_out`, half(1, 64))
}

describe('the target of a plan', () => {
  test('is what the package needs, where an older one was asked for', async () => {
    const newer = await opened(chain([64, 64, 64]), 9)
    const plan = newer.planned({ precision: 'palette4', target: 'coreml-ios16' })
    expect(plan.target).toBe('coreml-ios18')
    expect(codes(plan)).toEqual(['older-target'])
    expect(await givenBack(newer, plan)).toEqual(plan)
    const older = await opened(chain([64, 64, 64]), 7)
    const kept = older.planned({ precision: 'palette4', target: 'coreml-ios16' })
    expect([kept.target, codes(kept)]).toEqual(['coreml-ios16', []])
  })

  test('is told also where a file was edited to an older one', async () => {
    const newer = await opened(chain([64, 64, 64]), 9)
    const plan = newer.planned({ precision: 'palette4' })
    expect(codes(plan)).toEqual([])
    const edited = await givenBack(newer, { ...plan, target: 'coreml-ios16' })
    expect([edited.target, codes(edited)]).toEqual(['coreml-ios18', ['older-target']])
  })
})

describe('signed codes that stay', () => {
  test('are told by the plan, with options that name just these weights', async () => {
    const builder = chain([64, 64, 64])
    for (const name of ['a_kept', 'b_kept']) signedLayer(builder, name)
    builder.body.outputs.push('a_kept_out', 'b_kept_out')
    const signed = await opened(builder)
    const option = '--layer "model.*_kept=int8/channel"'
    expect(messageOf(signed.audit, 'signed-int8')).toContain(`Here: ${option} (http`)
    const plan = signed.planned({ precision: 'palette4' })
    expect(codes(plan)).toEqual(['already-compressed', 'signed-int8'])
    expect(messageOf(plan, 'signed-int8')).toContain(option)
    expect(await givenBack(signed, plan)).toEqual(plan)
    const one = [{ pattern: 'model.a_kept', precision: 'int8' }]
    const rest = signed.planned({ precision: 'palette4', layers: one })
    expect(messageOf(rest, 'signed-int8')).toContain('--layer "model.b_kept=int8/channel"')
    const all = [{ pattern: '*_kept', precision: 'int8' }]
    expect(codes(signed.planned({ precision: 'palette4', layers: all }))).toEqual([])
  })
})

describe('what computes in float32', () => {
  test('is told by the plan for the Neural Engine, on which blocks then never were', async () => {
    const { planned } = await opened(chain([64, 64, 64], 'float32'))
    expect(codes(planned({ precision: 'int4/32' }))).toEqual(['ane-float32'])
    expect(codes(planned({ precision: 'int8', computeUnit: 'ane' }))).toEqual(['ane-float32'])
    expect(codes(planned({ precision: 'int4/32', computeUnit: 'gpu' }))).toEqual([])
    const { planned: ofHalves } = await opened(chain([64, 64, 64]))
    expect(codes(ofHalves({ precision: 'int4/32' }))).toEqual(['ane-blocks'])
  })

  test('is told again of a plan that is given back, for the unit that it was made for', async () => {
    const package_ = await opened(chain([64, 64, 64], 'float32'))
    for (const computeUnit of ['ane', 'gpu', 'cpu'] as const) {
      const plan = package_.planned({ precision: 'palette4', computeUnit })
      expect(plan.computeUnit).toBe(computeUnit)
      expect(await givenBack(package_, plan)).toEqual(plan)
    }
    expect(package_.planned({}).computeUnit).toBeUndefined()
  })
})

test('the plan tells of dimensions that the Neural Engine does not take', async () => {
  const { planned } = await opened(chain([16, 20_000]))
  expect(codes(planned({ precision: 'int8', computeUnit: 'ane' }))).toEqual(['ane-large-dimension'])
})

describe('a table for a few channels', () => {
  test('is told, and its remedy is not what was asked for', async () => {
    const { planned } = await opened(chain([512, 37, 46]))
    const plan = planned({ precision: 'palette2/g16' })
    expect(codes(plan)).toEqual(['precision-adapted', 'ane-many-tables'])
    expect(messageOf(plan, 'precision-adapted')).toContain(
      'groups of 16 do not divide 37 output channels: palette2/g1',
    )
    expect(messageOf(plan, 'ane-many-tables')).not.toContain('/g16')
    expect(codes(planned({ precision: 'palette2/g16', computeUnit: 'ane' }))).toEqual([
      'precision-adapted',
    ])
  })
})

describe('what counts as another precision than was asked for', () => {
  test('is no simpler name for the same', async () => {
    const { planned } = await opened(chain([32, 16, 48]))
    // One block of all 32 and 16 inputs; one group of all 16 outputs, three of 48.
    for (const precision of ['int4/32', 'int8/32', 'palette2/g16']) {
      expect(codes(planned({ precision, computeUnit: 'cpu' }))).toEqual([])
    }
    for (const target of ['coreml-ios16', 'coreml-ios18'] as const) {
      const layers = [{ pattern: 'model.w0', precision: 'palette2/g16' }]
      expect(codes(planned({ precision: 'fp16', layers, target, computeUnit: 'cpu' }))).toEqual([])
    }
  })

  test('is told of one weight in the singular', async () => {
    const { planned } = await opened(chain([48, 64, 64]))
    expect(messageOf(planned({ precision: 'int4/32' }), 'precision-adapted')).toMatch(
      /^1 of 2 weights takes another precision .*: blocks of 32 do not divide 48 input channels/u,
    )
  })

  test('is no mask, which has its reason where it was named', async () => {
    const builder = chain([64, 64])
    const { blobs, constant, op, body } = builder
    const mask = Array.from({ length: 64 }, (_, at) => (at % 3 === 0 ? -Infinity : 0))
    constant('mask', blobs.add(half(2, 32), floatBytes(mask, 'float16')))
    op('add', { x: 'x', y: 'mask' }, 'masked', half(2, 32))
    body.outputs.push('masked')
    const { planned } = await opened(builder)
    expect(codes(planned({ precision: 'int8' }))).toEqual([])
    expect(codes(planned({ layers: [{ pattern: '*', precision: 'int8' }] }))).toEqual([])
    const named = planned({ layers: [{ pattern: 'model.mask', precision: 'int8' }] })
    expect(messageOf(named, 'precision-adapted')).toContain(
      '("model.mask": it holds infinities or NaN, as masks do)',
    )
  })
})

describe('what stays float without being small', () => {
  test('is told with its bytes and how to store it otherwise', async () => {
    const builder = chain([64, 64])
    const { blobs, constant, weight, op, body } = builder
    weight('positions', [64, 64])
    weight('gate', [33, 64])
    weight('few', [32, 64])
    const mask = Array.from({ length: 4096 }, (_, at) => (at % 3 === 0 ? -Infinity : 0))
    constant('mask', blobs.add(half(64, 64), floatBytes(mask, 'float16')))
    for (const name of ['positions', 'gate', 'few', 'mask']) {
      op('add', { x: 'x', y: name }, `${name}_out`, half(64, 64))
      body.outputs.push(`${name}_out`)
    }
    const { planned } = await opened(builder)
    const plan = planned({ precision: 'int8' })
    expect(plan.findings).toEqual([
      {
        code: 'left-float',
        severity: 'info',
        message:
          '3 of 5 weights stay float as they are, 20608 bytes: "model.positions", "model.gate", "model.mask". ' +
          'No operator multiplies by 2 of them; to store those otherwise: ' +
          '--layer "model.positions=int8" --layer "model.gate=int8".',
      },
    ])
    expect(codes(planned({ precision: 'fp16' }))).toEqual(['nothing-changed'])
    const layers = [{ pattern: 'model.*', precision: 'int8' }]
    expect(messageOf(planned({ layers }), 'left-float')).toBe(
      '1 of 5 weights stays float as it is, 8192 bytes: "model.mask". The plan gives each reason.',
    )
  })
})

test('a plan that changes nothing says so, also when it is given back', async () => {
  const package_ = await opened(chain([64, 64, 64]))
  const plan = package_.planned({ precision: 'fp16' })
  expect(plan.findings).toMatchObject([{ code: 'nothing-changed', severity: 'warning' }])
  expect(await givenBack(package_, plan)).toEqual(plan)
  const changed = package_.planned({ precision: 'int8' })
  const mixed = { ...plan, layers: [...plan.layers.slice(0, 1), ...changed.layers.slice(1)] }
  expect(codes(await givenBack(package_, mixed))).toEqual([])
})

describe('a threshold that leaves next to nothing', () => {
  test('is told: what loses all values at once, what loses most once they are counted', async () => {
    const package_ = await opened(chain([64, 64, 64]))
    const { host, model, audit, planned } = package_
    const plan = planned({ precision: 'sparse@100+fp16' })
    expect(plan.findings).toMatchObject([{ code: 'mostly-zero', severity: 'warning' }])
    expect(messageOf(plan, 'mostly-zero')).toMatch(
      /of 2 weights, the first "model\.w0": sparse@100\+fp16 keeps 0 of 4096, and its largest magnitude is 2\.00\./u,
    )
    // Values are even from -2 to 2: a threshold of 1.95 leaves 2.5 %, one of 1.8 leaves 10 %.
    const most = planned({ precision: 'sparse@1.95+fp16' })
    expect(codes(most)).toEqual([])
    const counted = await countKeptOfPlan(host, model, audit, most)
    expect(codes(counted)).toEqual(['mostly-zero'])
    expect(messageOf(counted, 'mostly-zero')).toMatch(/keeps (?:8|9|1[0-2])\d of 4096/u)
    const less = planned({ precision: 'sparse@1.8+fp16' })
    expect(codes(await countKeptOfPlan(host, model, audit, less))).toEqual([])
    expect(codes(planned({ precision: 'sparse99+fp16' }))).toEqual([])
  })

  test('is not told of what was zero before', async () => {
    const { host } = await opened(chain([64, 64]))
    await quantized(host, { precision: 'sparse99+fp16' })
    const model = await readCoremlPackage(host, OUT)
    const audit = await auditCoremlPackage(host, model)
    const layers = [{ pattern: '*', precision: 'sparse@0+fp16' }]
    expect(codes(planCoremlPackage(model, audit, mergeConfig({ layers }, {})))).not.toContain(
      'mostly-zero',
    )
  })
})

describe('a specification version that is raised', () => {
  const raisedTo = async (settings: Settings, spec: number): Promise<string> => {
    const { host, model, audit, planned } = await opened(chain([64, 64]), spec)
    return messageOf(await forecastPlan(host, model, audit, planned(settings)), 'spec-raised')
  }

  test('by its forms says so, and that an older target keeps older systems', async () => {
    const message = await raisedTo({ precision: 'int4' }, 7)
    expect(message).toContain('from 7 to 9, the lowest that the chosen forms have')
    expect(message).toContain('With an older --target, older systems are kept.')
    const asked = await raisedTo({ precision: 'int4', target: 'coreml-ios18' }, 7)
    expect(asked).toBe(message)
  })

  test('by its target names the target', async () => {
    const message = await raisedTo({ precision: 'int8', target: 'coreml-ios18' }, 7)
    expect(message).toContain('from 7 to 9, which is that of the target coreml-ios18')
    expect(message).toContain('With an older --target')
    expect(await raisedTo({ precision: 'int8' }, 7)).toBe('none')
  })

  test('to that of the oldest target has no target to advise', async () => {
    const message = await raisedTo({ precision: 'int8' }, 6)
    expect(message).toMatch(/from 6 to 7, .* macOS 13\.$/u)
  })
})

test('activations in 8 bits are refused, with the kind of model that has none', async () => {
  const { planned } = await opened(chain([64, 64]))
  expect(() => planned({ precision: 'w8a8' })).toThrow(/for ONNX files, not for Core ML packages/u)
})
