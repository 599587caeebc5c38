import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../src/formats/coreml/structure/check-structure.ts'
import { compareCoremlPackages } from '../src/pipeline/compare-packages.ts'
import { auditCoremlPackage } from '../src/pipeline/coreml-package.ts'
import { decompressCoremlPackage } from '../src/pipeline/quantize-package.ts'
import { coremlNanoHost } from './helpers/coreml-nano.ts'
import { OUT, filesIn, quantized, valuesOf } from './helpers/coreml-quantized.ts'

const FLOAT = 'float.mlpackage'
const COMPRESSED = 'compressed.mlpackage'

const BOTH = [FLOAT, COMPRESSED] as const

describe('packages that coremltools made', () => {
  test.for([
    [
      FLOAT,
      {
        conv_weight: 'conv fp16',
        linear_weight: 'linear fp16',
        table_weight: 'embedding fp16',
        lstm_weight_ih: 'matrix fp16',
        lstm_weight_hh: 'matrix fp16',
      },
    ],
    [
      COMPRESSED,
      {
        conv_weight_quantized: 'conv int8/channel',
        linear_weight_palettized: 'linear palette4',
        table_weight_sparsified: 'embedding sparse50+fp16',
        lstm_weight_ih_palettized: 'matrix palette6',
        lstm_weight_hh: 'matrix fp16',
      },
    ],
  ] as const)('%s has the weights that it was made of', async ([name, weights]) => {
    const { document } = await readCoremlPackage(await coremlNanoHost(), name)
    const found = [...document.weights.values()].filter(({ role }) => role !== 'vector')
    expect(
      Object.fromEntries(found.map((w) => [w.name, `${w.role} ${w.stored.precision}`])),
    ).toEqual(weights)
    expect(document.spec).toBe(8)
  })

  test.for(BOTH)('the structure of %s is sound', async (name) => {
    const checks = await checkCoremlStructure(await coremlNanoHost(), name)
    expect(checks.filter(({ status }) => status !== 'passed')).toEqual([])
  })

  test.for(BOTH)('%s is written as it is when nothing changes', async (name) => {
    const host = await coremlNanoHost()
    const layers = [{ pattern: '*', precision: 'fp16' }]
    await quantized(host, name === FLOAT ? { layers } : { precision: 'fp16' }, { from: name })
    expect(filesIn(host, OUT)).toEqual(filesIn(host, name))
  })

  test('weights meet although coremltools renamed them', async () => {
    const host = await coremlNanoHost()
    const { outputs, findings } = await compareCoremlPackages(host, {
      reference: FLOAT,
      candidate: COMPRESSED,
    })
    expect(findings).toEqual([])
    const errors = new Map(outputs.map(({ name, sqnrDb }) => [name, sqnrDb]))
    expect(errors.get('lstm_weight_hh')).toBeNull()
    expect(errors.get('conv_weight')).toBeGreaterThan(30)
    expect(errors.get('linear_weight')).toBeGreaterThan(10)
  })

  test('signed codes are found, and made dense without a change', async () => {
    const host = await coremlNanoHost()
    const model = await readCoremlPackage(host, COMPRESSED)
    const { findings } = await auditCoremlPackage(host, model)
    expect(findings.map(({ code }) => code)).toContain('signed-int8')
    await decompressCoremlPackage(host, { path: COMPRESSED, folder: OUT })
    const dense = await readCoremlPackage(host, OUT)
    for (const name of model.document.weights.keys()) {
      expect(await valuesOf(dense, name)).toEqual(await valuesOf(model, name))
    }
  })
})

// What coremltools reads of these packages is compared bit for bit by oracles/coreml.py.
test('what is written of the float package is the same on every machine', async () => {
  const lines: string[] = []
  for (const precision of ['int8', 'palette4', 'sparse50+fp16', 'int4/8', 'sparse50+palette4']) {
    const host = await coremlNanoHost()
    await quantized(host, { layers: [{ pattern: '*', precision }] }, { from: FLOAT })
    const checks = await checkCoremlStructure(host, OUT)
    expect(checks.filter(({ status }) => status !== 'passed')).toEqual([])
    for (const [file, bytes] of filesIn(host, OUT)) {
      const digest = createHash('sha256').update(bytes).digest('hex')
      lines.push(`${digest}  ${precision}/${file}`)
    }
  }
  await expect(`${lines.toSorted().join('\n')}\n`).toMatchFileSnapshot('golden/coreml-nano.sha256')
})
