import { describe, expect, test } from 'vitest'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import { checkCoremlStructure } from '../src/formats/coreml/structure/check-structure.ts'
import { auditCoremlPackage } from '../src/pipeline/coreml-package.ts'
import { compareCoremlPackages } from '../src/pipeline/compare-packages.ts'
import { floatBytes, INT, PACKAGE, testBuilder, testHost } from './helpers/coreml.ts'
import { seededNumbers } from './helpers/coreml-encoding.ts'
import { OUT, quantized, valuesOf, weightOf } from './helpers/coreml-quantized.ts'
import { half } from './helpers/coreml-sound.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

const [ROWS, COLUMNS] = [64, 48]

type Stored = {
  readonly dtype: 'int8' | 'uint8'
  /** Of stored codes, both included. */
  readonly codes: readonly [number, number]
  readonly zeros: (row: number) => number
}

/** A linear layer whose weight is stored as iOS 16 stores integers, with scales of all kinds. */
function packageOf({ dtype, codes: [low, high], zeros }: Stored, spec = 7): Promise<MemoryHost> {
  const { attributes, op, body, blobs } = testBuilder()
  const random = seededNumbers(7)
  const codes = Array.from(
    { length: ROWS * COLUMNS },
    () => low + Math.floor(random() * (high - low + 1)),
  )
  // Each row reaches the ends of its range.
  for (let row = 0; row < ROWS; row++) {
    codes[row * COLUMNS] = high
    codes[row * COLUMNS + 1] = low
  }
  const bytes = (values: readonly number[]) => Uint8Array.from(values, (value) => value & 255)
  const scales = Array.from({ length: ROWS }, () => 0.001 + random() / 50)
  const zeroPoints = Array.from({ length: ROWS }, (_, row) => zeros(row))
  const parameters = {
    quantized_data: blobs.add({ dtype, shape: [ROWS, COLUMNS] }, bytes(codes)),
    zero_point: blobs.add({ dtype, shape: [ROWS] }, bytes(zeroPoints)),
    scale: blobs.add(half([ROWS]), floatBytes(scales, 'float16')),
    axis: INT(0),
  }
  attributes('constexpr_affine_dequantize', parameters, 'w', half([ROWS, COLUMNS]))
  op('linear', { x: 'x', weight: 'w' }, 'y', half([1, ROWS]))
  body.outputs.push('y')
  return testHost({ main: { body, inputs: { x: half([1, COLUMNS]) } } }, blobs, spec)
}

const SIGNED: Stored = { dtype: 'int8', codes: [-127, 127], zeros: () => 0 }

describe('how 8-bit integers of iOS 16 are stored', () => {
  test.for<readonly [string, Stored, string]>([
    ['signed around 0', SIGNED, 'int8/channel'],
    ['unsigned around 127', { dtype: 'uint8', codes: [0, 254], zeros: () => 127 }, 'int8/channel'],
    ['unsigned around 128', { dtype: 'uint8', codes: [0, 255], zeros: () => 128 }, 'int8/channel'],
    ['signed around 3', { ...SIGNED, zeros: () => 3 }, 'int8/channel/asym'],
    ['signed around -1', { ...SIGNED, zeros: () => -1 }, 'int8/channel/asym'],
    [
      'unsigned around 127 but for the last row',
      { dtype: 'uint8', codes: [0, 254], zeros: (row) => (row === ROWS - 1 ? 126 : 127) },
      'int8/channel/asym',
    ],
  ])('%s', async ([, stored, precision]) => {
    const { document } = await readCoremlPackage(await packageOf(stored), PACKAGE)
    expect(document.weights.get('w')?.stored.precision).toBe(precision)
  })
})

describe('a weight that is stored already as it is asked for', () => {
  test('stays as it is', async () => {
    const host = await packageOf({ dtype: 'uint8', codes: [0, 254], zeros: () => 127 })
    const { plan } = await quantized(host, { layers: [{ pattern: 'model.w', precision: 'int8' }] })
    expect(plan.layers).toMatchObject([
      { kept: true, reasons: ['int8 by layer', 'stored as int8/channel already'] },
    ])
    for (const [path, bytes] of host.files) {
      if (path.startsWith(PACKAGE)) {
        expect(host.files.get(path.replace(PACKAGE, OUT))).toEqual(bytes)
      }
    }
  })

  test('is stored anew where something else is asked for', async () => {
    const host = await packageOf(SIGNED)
    await quantized(host, { layers: [{ pattern: 'model.w', precision: 'palette4' }] })
    const after = await readCoremlPackage(host, OUT)
    expect(weightOf(after, 'w').stored.precision).toBe('palette4')
  })
})

describe('signed codes that some devices read wrong', () => {
  test('are found, with a remedy', async () => {
    const host = await packageOf(SIGNED)
    const { findings } = await auditCoremlPackage(host, await readCoremlPackage(host, PACKAGE))
    expect(findings).toMatchObject([{ code: 'signed-int8', severity: 'warning' }])
    expect(findings[0]?.message).toContain('"model.w"')
    expect(findings[0]?.message).toContain('--layer')
  })

  test.for<readonly [string, Stored, string]>([
    ['around 0', SIGNED, 'int8'],
    ['around 0 with the lowest code', { ...SIGNED, codes: [-128, 127] }, 'int8'],
    [
      'with zero points',
      { dtype: 'int8', codes: [-128, 127], zeros: (row) => row - 20 },
      'int8/channel/asym',
    ],
  ])(
    '%s become unsigned when the same is asked for, with the same values',
    async ([, stored, precision]) => {
      const host = await packageOf(stored)
      const { model, plan, written } = await quantized(host, {
        layers: [{ pattern: 'model.w', precision }],
      })
      expect(plan.layers[0]?.reasons.at(-1)).toMatch(/its codes become unsigned$/u)
      const after = await readCoremlPackage(host, OUT)
      expect(await valuesOf(after, 'w')).toEqual(await valuesOf(model, 'w'))
      expect(weightOf(after, 'w').stored).toMatchObject({
        hasSignedCodes: false,
        precision: weightOf(model, 'w').stored.precision,
      })
      expect((await auditCoremlPackage(host, after)).findings).toEqual([])
      const pair = { reference: PACKAGE, candidate: OUT }
      expect((await compareCoremlPackages(host, pair)).outputs[0]).toMatchObject({
        maxAbsError: 0,
        stored: { reference: { hasSignedCodes: true }, candidate: { hasSignedCodes: false } },
      })
      expect(written.layers[0]?.totals).toMatchObject({ maxAbsError: 0 })
      const checks = await checkCoremlStructure(host, OUT)
      expect(checks.filter(({ status }) => status !== 'passed')).toEqual([])
    },
  )

  test('become the same bytes however they are cut', async () => {
    const [whole, cut] = await Promise.all([packageOf(SIGNED), packageOf(SIGNED)])
    const layers = [{ pattern: 'model.w', precision: 'int8' }]
    await quantized(whole, { layers })
    await quantized(cut, { layers }, { limits: { slab: 8 * COLUMNS, job: 8 * COLUMNS } })
    expect(cut.files).toEqual(whole.files)
  })
})
