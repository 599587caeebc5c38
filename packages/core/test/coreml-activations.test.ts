import { describe, expect, test } from 'vitest'
import { stringValue } from '../src/formats/coreml/make-values.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../src/formats/coreml/structure/check-structure.ts'
import { compareCoremlPackages } from '../src/pipeline/compare-packages.ts'
import { auditCoremlPackage } from '../src/pipeline/coreml-package.ts'
import { decompressCoremlPackage } from '../src/pipeline/quantize-package.ts'
import { floatBytes, INT, PACKAGE, testBuilder, testHost } from './helpers/coreml.ts'
import { OUT, quantized, valuesOf, weightOf } from './helpers/coreml-quantized.ts'
import { half } from './helpers/coreml-sound.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

/**
 * x -> int8 -> linear by floats -> uint8 -> matmul by integers behind `dequantize`, with a scale and a
 * zero point a column -> matmul by others with one scale.
 */
function packageOf(spec = 8): Promise<MemoryHost> {
  const { weight, constant, op, body, blobs } = testBuilder()
  const codes = (...shape: readonly number[]) => ({ dtype: 'int8', shape }) as const
  const scalar = (name: string, value: number) =>
    constant(name, blobs.add(half([]), floatBytes([value], 'float16')))
  scalar('step', 0.25)
  constant('int8', stringValue('int8'))
  op('quantize', { input: 'x', scale: 'step', output_dtype: 'int8' }, 'x_q', codes(1, 48))
  op('dequantize', { input: 'x_q', scale: 'step' }, 'x_dq', half([1, 48]))
  weight('float_w', [64, 48])
  op('linear', { x: 'x_dq', weight: 'float_w' }, 'h', half([1, 64]))
  op('quantize', { input: 'h', scale: 'step', output_dtype: 'int8' }, 'h_q', codes(1, 64))
  op('dequantize', { input: 'h_q', scale: 'step' }, 'h_dq', half([1, 64]))

  const bytes = Uint8Array.from({ length: 64 * 48 }, (_, i) => (i * 37) % 256)
  constant('codes', blobs.add(codes(64, 48), bytes))
  const scales = Array.from({ length: 48 }, (_, i) => (i + 1) / 64)
  constant('scales', blobs.add(half([48]), floatBytes(scales, 'float16')))
  const zeros = Uint8Array.from({ length: 48 }, (_, i) => i)
  constant('zeros', blobs.add(codes(48), zeros))
  constant('axis', INT(-1))
  const parts = { input: 'codes', scale: 'scales', zero_point: 'zeros', axis: 'axis' }
  op('dequantize', parts, 'columns_w', half([64, 48]))
  op('matmul', { x: 'h_dq', y: 'columns_w' }, 'i', half([1, 48]))
  constant('more', blobs.add(codes(48, 32), bytes.slice(0, 48 * 32)))
  op('dequantize', { input: 'more', scale: 'step' }, 'whole_w', half([48, 32]))
  op('matmul', { x: 'i', y: 'whole_w' }, 'y', half([1, 32]))
  body.outputs.push('y')
  return testHost({ main: { body, inputs: { x: half([1, 48]) } } }, blobs, spec)
}

describe('integers behind an ordinary dequantize', () => {
  test('are weights; their scales are not', async () => {
    const model = await readCoremlPackage(await packageOf(), PACKAGE)
    const found = [...model.document.weights.values()].map(({ name, role, outputAxis, stored }) => [
      name,
      role,
      outputAxis,
      stored.precision,
      stored.ops.join(),
    ])
    expect(found).toEqual([
      ['float_w', 'linear', 0, 'fp16', 'const'],
      ['columns_w', 'linear', 1, 'int8/channel/asym', 'dequantize'],
      ['whole_w', 'linear', 1, 'int8/tensor', 'dequantize'],
    ])
  })

  test('decode as (code - zero point) * scale', async () => {
    const model = await readCoremlPackage(await packageOf(), PACKAGE)
    const values = await valuesOf(model, 'columns_w')
    const code = (i: number): number => (((i * 37) % 256) << 24) >> 24
    const expected = Float32Array.from(
      { length: 64 * 48 },
      (_, i) => Math.fround((code(i) - (i % 48)) * ((i % 48) + 1)) / 64,
    )
    // All products have at most 14 bits; those of more than 11 round to halves.
    for (const [i, value] of values.entries()) {
      expect(Math.abs(value - (expected[i] ?? 0))).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11)
    }
    expect((await valuesOf(model, 'whole_w'))[1]).toBe(37 / 4)
  })

  test('stay as they are, and integers between operators too', async () => {
    const host = await packageOf()
    const { model, plan } = await quantized(host, { precision: 'palette4' })
    expect(plan.layers.map(({ layer, kept }) => [layer, kept])).toEqual([
      ['model.float_w', undefined],
      ['model.columns_w', true],
      ['model.whole_w', true],
    ])
    const after = await readCoremlPackage(host, OUT)
    for (const name of ['columns_w', 'whole_w']) {
      expect(await valuesOf(after, name)).toEqual(await valuesOf(model, name))
      expect(weightOf(after, name).stored.ops).toEqual(['dequantize'])
    }
    const { outputs } = await compareCoremlPackages(host, { reference: PACKAGE, candidate: OUT })
    expect(outputs.map(({ name, mse }) => [name, (mse ?? 0) > 0])).toEqual([
      ['float_w', true],
      ['columns_w', false],
      ['whole_w', false],
    ])
    expect((await auditCoremlPackage(host, after)).components).toMatchObject({
      model: { int8Activations: 2, operators: { quantize: 2, dequantize: 4 } },
    })
  })

  test.for(['palette4', 'int4/8', 'int8/asym'])(
    'become %s where their layer is named, without what they were made of',
    async (precision) => {
      const host = await packageOf(9)
      await quantized(host, { precision: 'fp16', layers: [{ pattern: '*whole_w', precision }] })
      const checks = await checkCoremlStructure(host, OUT)
      expect(checks.filter(({ status }) => status !== 'passed')).toEqual([])
      const after = await readCoremlPackage(host, OUT)
      expect(weightOf(after, 'whole_w').stored.ops[0]).toMatch(/^constexpr_/u)
      expect([...after.document.blobFiles.values()][0]?.blobs.size).toBeLessThanOrEqual(8)
    },
  )

  test('stay when compressed weights become dense', async () => {
    const host = await packageOf()
    const { weights } = await decompressCoremlPackage(host, { path: PACKAGE, folder: OUT })
    expect(weights).toBe(0)
    const after = await readCoremlPackage(host, OUT)
    expect(weightOf(after, 'columns_w').stored.ops).toEqual(['dequantize'])
  })
})

describe('activations of 8 bits', () => {
  test('are counted', async () => {
    const host = await packageOf()
    const audit = await auditCoremlPackage(host, await readCoremlPackage(host, PACKAGE))
    expect(audit.components['model']).toMatchObject({ int8Activations: 2 })
  })

  test('have types that are checked', async () => {
    const checks = await checkCoremlStructure(await packageOf(), PACKAGE)
    expect(checks.filter(({ status, message }) => status !== 'passed' || message !== null)).toEqual(
      [],
    )
  })

  test('a dequantize that fits no weight is carried as any operation', async () => {
    const { constant, op, body, blobs } = testBuilder()
    const codes = { dtype: 'int8', shape: [4, 6] } as const
    constant('codes', blobs.add(codes, new Uint8Array(24)))
    // Seven scales for no axis.
    constant('scales', blobs.add(half([7]), floatBytes(new Float32Array(7), 'float16')))
    op('dequantize', { input: 'codes', scale: 'scales' }, 'w', half([4, 6]))
    op('matmul', { x: 'x', y: 'w' }, 'y', half([1, 6]))
    body.outputs.push('y')
    const host = await testHost({ main: { body } }, blobs)
    const { document } = await readCoremlPackage(host, PACKAGE)
    expect([...document.weights.keys()]).toEqual([])
  })
})
