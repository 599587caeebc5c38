import { expect, test } from 'vitest'
import { literalValue, sizesValue, stringValue } from '../src/formats/coreml/make-values.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../src/formats/coreml/structure/check-structure.ts'
import type { StaticTensor } from '../src/formats/coreml/value-types.ts'
import { auditCoremlPackage } from '../src/pipeline/coreml-package.ts'
import { decompressCoremlPackage } from '../src/pipeline/quantize-package.ts'
import { INT, PACKAGE, floatBytes, testBuilder, testHost } from './helpers/coreml.ts'
import type { TestBuilder } from './helpers/coreml.ts'
import { OUT, valuesOf } from './helpers/coreml-quantized.ts'
import { failedChecks } from './helpers/coreml-sound.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

const half = (...shape: readonly number[]): StaticTensor => ({ dtype: 'float16', shape })

async function hostOf(build: (built: TestBuilder) => void): Promise<MemoryHost> {
  const built = testBuilder()
  build(built)
  return testHost({ main: { body: built.body } }, built.blobs, 7)
}

/** 2 x 8 values of a table of two, all of it in the program: 16 indices are two bytes. */
function literalPalette({ attributes, op, body }: TestBuilder): void {
  const parameters = {
    indices: literalValue({ dtype: 'uint8', shape: [2] }, Uint8Array.of(0b00001111, 0b10000001)),
    lut: literalValue(half(2), floatBytes([-1, 2], 'float16')),
    shape: sizesValue([2, 8]),
  }
  attributes('constexpr_lut_to_dense', parameters, 'table', half(2, 8))
  op('linear', { x: 'x', weight: 'table' }, 'y', half(1, 2))
  body.outputs.push('y')
}

const TABLE_VALUES = [2, 2, 2, 2, -1, -1, -1, -1, 2, -1, -1, -1, -1, -1, -1, 2]

test('weights that stand in the program become dense behind all others of the weight file', async () => {
  const host = await hostOf((built) => {
    literalPalette(built)
    built.weight('dense', [4, 4])
    built.op('linear', { x: 'x', weight: 'dense' }, 'z')
  })
  const { weights } = await decompressCoremlPackage(host, { path: PACKAGE, folder: OUT })
  expect(weights).toBe(1)
  const after = await readCoremlPackage(host, OUT)
  expect([...(await valuesOf(after, 'table'))]).toEqual(TABLE_VALUES)
  expect([...after.document.weights.values()].map(({ stored }) => stored.ops)).toEqual([
    ['const'],
    ['const'],
  ])
  expect([...after.document.blobFiles.values()].map(({ blobs }) => blobs.size)).toEqual([2])
})

test('where there is no weight file they stay in the program', async () => {
  const host = await hostOf(literalPalette)
  await decompressCoremlPackage(host, { path: PACKAGE, folder: OUT })
  const after = await readCoremlPackage(host, OUT)
  expect([...(await valuesOf(after, 'table'))]).toEqual(TABLE_VALUES)
  expect(after.document.blobFiles.size).toBe(0)
})

/** A compressed weight of `shape`, which has no values. */
async function emptyHost(shape: readonly [number, number]): Promise<MemoryHost> {
  return hostOf(({ blobs, attributes, weight, op, body }) => {
    weight('dense', [4, 4])
    op('linear', { x: 'x', weight: 'dense' }, 'y')
    const [rows] = shape
    const parameters = {
      quantized_data: blobs.add({ dtype: 'uint8', shape }, new Uint8Array(0)),
      zero_point: blobs.add({ dtype: 'uint8', shape: [rows] }, new Uint8Array(rows)),
      scale: blobs.add(half(rows), new Uint8Array(2 * rows)),
      axis: INT(0),
    }
    attributes('constexpr_affine_dequantize', parameters, 'empty', half(...shape))
    body.outputs.push('y')
  })
}

test.for<readonly [number, number]>([
  [0, 12],
  [12, 0],
])('weights without values stay as they are: %i x %i', async (shape) => {
  const host = await emptyHost(shape)
  const model = await readCoremlPackage(host, PACKAGE)
  await expect(auditCoremlPackage(host, model)).resolves.toBeDefined()
  expect([...(await valuesOf(model, 'empty'))]).toEqual([])
  const { weights } = await decompressCoremlPackage(host, { path: PACKAGE, folder: OUT })
  expect(weights).toBe(0)
  expect(failedChecks(await checkCoremlStructure(host, OUT))).toEqual([])
})

test('halves behind a cast become the floats that operators want', async () => {
  const host = await hostOf(({ blobs, attributes, op, body }) => {
    const values = Array.from({ length: 16 }, (_, i) => i / 8 - 1)
    const source = blobs.add(half(4, 4), floatBytes(values, 'float16'))
    const parameters = { source_val: source, output_dtype: stringValue('fp32') }
    const full: StaticTensor = { dtype: 'float32', shape: [4, 4] }
    attributes('constexpr_cast', parameters, 'cast', full)
    op('linear', { x: 'x', weight: 'cast' }, 'y', { ...full, shape: [1, 4] })
    body.outputs.push('y')
  })
  const before = await readCoremlPackage(host, PACKAGE)
  const values = await valuesOf(before, 'cast')
  const { weights } = await decompressCoremlPackage(host, { path: PACKAGE, folder: OUT })
  expect(weights).toBe(1)
  const after = await readCoremlPackage(host, OUT)
  expect(after.document.weights.get('cast')?.stored).toMatchObject({
    ops: ['const'],
    precision: 'fp32',
    bytes: 64,
  })
  expect(await valuesOf(after, 'cast')).toEqual(values)
})
