import { describe, expect, test } from 'vitest'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../src/formats/coreml/structure/check-structure.ts'
import { totalBytes } from '../src/formats/part-bytes.ts'
import { isUntouched } from '../src/plan/coreml/planned-weights.ts'
import { forecastPlan } from '../src/pipeline/forecast-plan.ts'
import { countKeptOfPlan } from '../src/pipeline/count-kept.ts'
import { PACKAGE } from './helpers/coreml.ts'
import {
  OUT,
  expectedValues,
  filesIn,
  layersHost,
  quantized,
  valuesOf,
  weightOf,
} from './helpers/coreml-quantized.ts'
import type { Quantized } from './helpers/coreml-quantized.ts'
import { sure } from './helpers/coreml-sound.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

/** Every form, asked for by its name. */
const PRECISIONS = [
  'fp16',
  'int8',
  'int8/tensor',
  'int8/asym',
  'int8/8',
  'int4/8',
  'int4/tensor/asym',
  'int4/channel/asym',
  'palette1',
  'palette2',
  'palette3',
  'palette4',
  'palette6',
  'palette4/g8',
  'palette2/g8x4',
  'palette4x2',
  'palette4/int8',
  'palette3/g4/int8',
  'palette4/scale',
  'palette2x2/int8/scale',
  'sparse50+fp16',
  'sparse50+fp32',
  'sparse50/4+fp16',
  'sparse@0.5+int8',
  'sparse2:4+fp16',
  'sparse75+int8',
  'sparse50+int4/8/asym',
  'sparse50+palette4',
  'sparse75+palette4/g8',
  'sparse50/8+palette4/int8',
] as const

/** Names of the weights that a plan changes. */
function changedNames({ audit, plan }: Quantized): readonly string[] {
  return plan.layers.flatMap(({ layer, scheme, kept }) => {
    const facts = sure(audit.weights.find((weight) => weight.layer === layer))
    return isUntouched({ facts, scheme, kept }) ? [] : [layer.slice('model.'.length)]
  })
}

async function failedChecks(host: MemoryHost): Promise<readonly unknown[]> {
  const checks = await checkCoremlStructure(host, OUT)
  return checks.filter(({ status }) => status !== 'passed')
}

describe.for([
  ['float16', 7],
  ['float16', 9],
  ['float32', 6],
] as const)('a package of %s, version %d', ([dtype, spec]) => {
  test.for(PRECISIONS)('asked for %s holds what its plan says', async (precision) => {
    const host = await layersHost(dtype, spec)
    const done = await quantized(host, { precision })
    const after = await readCoremlPackage(host, OUT)
    const changed = new Set(changedNames(done))
    for (const layer of done.plan.layers) {
      const name = layer.layer.slice('model.'.length)
      if (changed.has(name)) {
        expect(await valuesOf(after, name)).toEqual(await expectedValues(done.model, layer))
      } else {
        expect(await valuesOf(after, name)).toEqual(await valuesOf(done.model, name))
      }
    }
    expect(await failedChecks(host)).toEqual([])
    expect(after.document.spec).toBe(done.written.spec)
  })

  test.for(PRECISIONS)('asked for %s is as large as its plan says', async (precision) => {
    const host = await layersHost(dtype, spec)
    const done = await quantized(host, { precision })
    const after = await readCoremlPackage(host, OUT)
    for (const { layer, bytes } of done.plan.layers) {
      const stored = weightOf(after, layer.slice('model.'.length)).stored.bytes
      // Axes and shapes of iOS 16 stand in the program: up to four integers.
      expect(stored - totalBytes(bytes)).toBeLessThanOrEqual(16)
      if (bytes.isMost !== true) expect(stored).toBeGreaterThanOrEqual(totalBytes(bytes))
    }
    for (const { plan: planned, bytes } of done.written.layers) {
      if (planned.bytes.isMost !== true) expect(bytes).toBe(totalBytes(planned.bytes))
    }
    const files = [...filesIn(host, OUT).values()]
    expect(done.written.bytes).toBe(files.reduce((sum, { length }) => sum + length, 0))
    const isExact = done.plan.layers.every(({ bytes }) => bytes.isMost !== true)
    if (isExact) expect(done.written.bytes).toBe(done.written.predictedBytes)
    else expect(done.written.bytes).toBeLessThanOrEqual(done.written.predictedBytes)
  })
})

test.for(['sparse@0.5+int8', 'sparse@0.25+palette4', 'sparse2:4+fp16', 'sparse3:16+int4/8'])(
  'what %s keeps is counted for the plan',
  async (precision) => {
    const host = await layersHost('float16', 9)
    const done = await quantized(host, { precision })
    const plan = await countKeptOfPlan(host, done.model, done.audit, done.plan)
    const sizes = new Map(plan.layers.map(({ layer, bytes }) => [layer, bytes]))
    expect(done.plan.layers.some(({ bytes }) => bytes.isMost)).toBe(true)
    for (const { plan: planned, bytes } of done.written.layers) {
      const size = sure(sizes.get(planned.layer))
      expect([planned.layer, totalBytes(size)]).toEqual([planned.layer, bytes])
      expect(size.isMost).toBeUndefined()
    }
    expect(plan.bytes).toBe([...sizes.values()].reduce((sum, size) => sum + totalBytes(size), 0))
    // Programs, headers of arrays and what stays as it was included.
    const forecast = await forecastPlan(host, done.model, done.audit, plan)
    expect(forecast.package).toEqual({
      bytesBefore: done.model.bytes,
      bytes: done.written.bytes,
      specBefore: 9,
      spec: done.written.spec,
    })
  },
)

// A table a channel is what a scale a channel is stored as; of a mask only what it keeps is left.
test.for([
  { asked: 'int8', found: 'int8/channel' },
  { asked: 'int8/tensor', found: 'int8/tensor' },
  { asked: 'int4/8', found: 'int4/8' },
  { asked: 'int4/channel/asym', found: 'int4/channel/asym' },
  { asked: 'palette3', found: 'palette3' },
  { asked: 'palette4/g8', found: 'palette4/g8' },
  { asked: 'palette4x2', found: 'palette4x2' },
  { asked: 'palette4/int8', found: 'palette4/int8' },
  { asked: 'palette4/scale', found: 'palette4/g1' },
  { asked: 'sparse75+fp16', found: 'sparse75+fp16' },
  { asked: 'sparse2:4+int8', found: 'sparse50+int8/channel' },
  { asked: 'sparse75+palette4/g8', found: 'sparse75+palette4/g8' },
])('$asked is written as it was asked for', async ({ asked, found }) => {
  const host = await layersHost('float16', 9)
  await quantized(host, { precision: asked })
  const after = await readCoremlPackage(host, OUT)
  expect(weightOf(after, 'up_w').stored.precision).toBe(found)
})

test('what no plan changes keeps its bytes', async () => {
  const host = await layersHost('float16', 7)
  await quantized(host, { precision: 'fp16', layers: [{ pattern: '*up_w', precision: 'int8' }] })
  const [before, after] = await Promise.all([
    readCoremlPackage(host, PACKAGE),
    readCoremlPackage(host, OUT),
  ])
  for (const name of ['conv_w', 'up_b', 'down_w', 'table', 'up_w']) {
    const weight = weightOf(before, name).weight
    const stored = await weight.readStoredRows?.(0, weight.shape[0] ?? 1)
    const own = weightOf(after, name).weight
    if (name === 'up_w') expect(own.readStoredRows).toBeUndefined()
    else expect(await own.readStoredRows?.(0, own.shape[0] ?? 1)).toEqual(stored)
  }
})

test('integers of iOS 16 that stay keep their operation in a package that becomes one of iOS 18', async () => {
  const host = await layersHost('float16', 7)
  const layers = [
    { pattern: '*up_w', precision: 'int8' },
    { pattern: '*conv_w', precision: 'palette4' },
  ]
  await quantized(host, { precision: 'fp16', layers, target: 'coreml-ios16' })
  for (const [path, bytes] of host.files) {
    if (path.startsWith(OUT)) host.files.set(path.replace(OUT, PACKAGE), bytes)
  }
  const { written } = await quantized(host, {
    layers: [{ pattern: '*down_w', precision: 'int4/8' }],
  })
  expect(written.spec).toBe(9)
  const after = await readCoremlPackage(host, OUT)
  expect(weightOf(after, 'up_w').stored.ops).toEqual(['constexpr_affine_dequantize'])
  expect(weightOf(after, 'conv_w').stored.ops).toEqual(['constexpr_lut_to_dense'])
  expect(weightOf(after, 'down_w').stored.ops).toEqual(['constexpr_blockwise_shift_scale'])
  const checks = await checkCoremlStructure(host, OUT)
  expect(checks.filter(({ status }) => status === 'failed')).toEqual([])
})

test('a plan that changes nothing gives the same package', async () => {
  const host = await layersHost('float16', 8)
  await quantized(host, { precision: 'fp16' })
  expect(filesIn(host, OUT)).toEqual(filesIn(host, PACKAGE))
})

test('progress ends when the last weight is written', async () => {
  const host = await layersHost('float16', 8)
  await quantized(host, { precision: 'int8' })
  const steps = host.events.filter((event) => event.kind === 'progress')
  expect(steps.at(-1)).toMatchObject({ stage: 'quantize', done: 4, total: 4, unit: 'weights' })
})
