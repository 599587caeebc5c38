import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Settings } from '../src/config/settings.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import type { StaticTensor } from '../src/formats/coreml/value-types.ts'
import type { SlabLimits } from '../src/quantize/survey-weight.ts'
import { floatBytes, testBuilder, testHost } from './helpers/coreml.ts'
import { OUT, filesIn, layersHost, quantized, valuesOf } from './helpers/coreml-quantized.ts'

/** Rows of the input of a job that stores a part of a weight. */
function rowsIn(input: unknown): number {
  const { chunk } = SLAB.parse(input)
  return chunk.rows
}

const SLAB = z.object({ chunk: z.object({ rows: z.number() }) })

/** Slabs of a few rows, and hardly a weight that fits into one job. */
const SMALL: SlabLimits = { slab: 256, job: 512 }

type Dtype = 'float16' | 'float32'

async function written(dtype: Dtype, precision: string, limits?: SlabLimits) {
  const host = await layersHost(dtype, 9)
  // Masks and tables of so small weights are asked for by name, so that no rule changes them.
  const settings: Settings = { precision, protect: false }
  const { written: result } = await quantized(host, settings, limits && { limits })
  return { files: filesIn(host, OUT), layers: result.layers, events: host.events }
}

/** What is chosen for a whole weight: tables, their steps, scales, or which fraction of values is zero. */
const SHARED = [
  'palette1',
  'palette3',
  'palette4',
  'palette6',
  'sparse50+fp16',
  'sparse50+fp32',
  'sparse33+int8',
  'sparse75/2+fp16',
  'sparse50/8+int8/channel',
  'sparse50+palette4',
  'sparse60/4+palette2',
  'int8/tensor',
  'int8/tensor/asym',
  'int4/tensor',
  'int4/tensor/asym',
  'sparse50+int4/tensor/asym',
  'palette4/int8',
  'palette3/g8/int8',
  'palette2/g8x4/int8',
  'sparse50+int8/tensor',
  'sparse60/2+int8/tensor',
  'sparse2:4+int8/tensor',
  'sparse50+palette4/int8',
  'sparse50+palette2/g8/int8',
] as const

/** What each slab can choose for itself, and what only the whole weight can. */
const OTHERS = [
  'int8',
  'int4/8',
  'int8/channel/asym',
  'palette4/g8',
  'palette3/g8/scale',
  'palette2/g8x4',
  'palette4x2',
  'palette4x2/int8',
  'palette2/g4/int8/scale',
  'sparse@0.25+fp16',
  'sparse2:4+int4/8/asym',
  'sparse50+palette4/g8',
] as const

describe.for(['float16', 'float32'] as const)('weights of %s', (dtype) => {
  test.for([...SHARED, ...OTHERS])('%s has the same bytes in slabs as in one piece', async (p) => {
    const whole = await written(dtype, p)
    const cut = await written(dtype, p, SMALL)
    expect(cut.files).toEqual(whole.files)
    for (const [i, { totals }] of whole.layers.entries()) {
      expect(cut.layers[i]?.totals.elements).toBe(totals.elements)
      expect(cut.layers[i]?.totals.sqnrDb).toBeCloseTo(totals.sqnrDb ?? 0, 9)
    }
  })
})

test.for(SHARED)('%s is stored in slabs where the weight is too large for one job', async (p) => {
  const host = await layersHost('float16', 9)
  const sizes: number[] = []
  const counting: typeof host = {
    ...host,
    pool: {
      ...host.pool,
      map: (name, inputs) => {
        async function* counted() {
          for await (const input of inputs) {
            if (name === 'encode-slab') sizes.push(rowsIn(input))
            yield input
          }
        }
        return host.pool.map(name, counted())
      },
    },
  }
  await quantized(counting, { precision: p, protect: false }, { limits: SMALL })
  // Groups and runs along the second axis span all 64 rows of one of the four weights.
  expect(sizes.length).toBeGreaterThan(4)
  expect(sizes.filter((rows) => rows > 24).length).toBeLessThanOrEqual(p.includes('/g') ? 1 : 0)
})

test('any cut gives the same bytes', async () => {
  const limits = fc.record({ slab: fc.integer({ min: 1, max: 4000 }), job: fc.nat(4000) })
  const precision = fc.constantFrom(...SHARED, ...OTHERS)
  const known = new Map<string, ReadonlyMap<string, Uint8Array>>()
  await fc.assert(
    fc.asyncProperty(precision, limits, async (name, cut) => {
      const whole = known.get(name) ?? (await written('float16', name)).files
      known.set(name, whole)
      expect((await written('float16', name, cut)).files).toEqual(whole)
    }),
    { numRuns: 20 },
  )
})

test('a table that is too small for the rule unique is refused in two passes as in one', async () => {
  for (const limits of [undefined, SMALL]) {
    const host = await layersHost('float16', 9)
    const settings: Settings = { precision: 'palette4', algorithm: 'unique', protect: false }
    await expect(quantized(host, settings, limits && { limits })).rejects.toMatchObject({
      code: 'unsupported-scheme',
    })
  }
})

test('the rule unique keeps values of float32 that are next to each other, in slabs too', async () => {
  const levels = [...Array.from({ length: 15 }, (_, i) => i - 8), Math.fround(6.0001)]
  const values = Array.from({ length: 64 * 64 }, (_, i) => levels[(7 * i) % 16] ?? 0)
  const host = await squareHost(values)
  await quantized(host, { precision: 'palette4', algorithm: 'unique' }, { limits: SMALL })
  expect([...(await valuesOf(await readCoremlPackage(host, OUT), 'w'))]).toEqual(values)
})

test.for(['palette4', 'sparse50+palette4'])(
  'the rule uniform gives a table of %s the smallest and the largest value, in slabs too',
  async (precision) => {
    const values = Array.from({ length: 64 * 64 }, (_, i) => Math.fround(Math.sin(i) * 1.23456))
    const settings: Settings = { precision, algorithm: 'uniform', protect: false }
    for (const limits of [undefined, SMALL]) {
      const host = await squareHost(values)
      await quantized(host, settings, limits && { limits })
      const found = await valuesOf(await readCoremlPackage(host, OUT), 'w')
      expect(Math.min(...found)).toBe(Math.min(...values))
      expect(Math.max(...found)).toBe(Math.max(...values))
    }
  },
)

test.for(['sparse50/2+fp32', 'sparse40/8+int8'])(
  '%s zeroes the right runs of huge values, in slabs too',
  async (precision) => {
    const sizes = [3.3e38, 2.9e38, 3.1e38, 2.7e38, 3.4e38, 2.5e38, 3.2e38]
    const values = Array.from({ length: 64 * 64 }, (_, i) => Math.fround(sizes[(i * i) % 7] ?? 0))
    const files = []
    for (const limits of [undefined, SMALL]) {
      const host = await squareHost(values)
      await quantized(host, { precision, protect: false }, limits && { limits })
      const found = await valuesOf(await readCoremlPackage(host, OUT), 'w')
      const zeros = precision.startsWith('sparse50') ? 2048 : 8 * Math.round(0.4 * 512)
      expect(found.filter((value) => value === 0)).toHaveLength(zeros)
      files.push(filesIn(host, OUT))
    }
    expect(files[1]).toEqual(files[0])
  },
)

/** A package with one weight of 64 rows and columns. */
async function squareHost(values: readonly number[]) {
  const { op, body, blobs, constant } = testBuilder()
  const row: StaticTensor = { dtype: 'float32', shape: [1, 64] }
  constant('w', blobs.add({ dtype: 'float32', shape: [64, 64] }, floatBytes(values, 'float32')))
  op('linear', { x: 'x', weight: 'w' }, 'y', row)
  body.outputs.push('y')
  return testHost({ main: { body, inputs: { x: row } } }, blobs, 9)
}

test.for([
  ['palette4', /^"model\.\w+".*16 values.* Use more bits, or the algorithm kmeans\.$/u],
  ['palette8', /^"model\.\w+".*256 values.* Use the algorithm kmeans\.$/u],
] as const)(
  '%s that cannot hold every value says of which layer, and what helps',
  async ([precision, says]) => {
    const host = await layersHost('float16', 9)
    await expect(
      quantized(host, { precision, algorithm: 'unique', protect: false }),
    ).rejects.toMatchObject({
      code: 'unsupported-scheme',
      message: expect.stringMatching(says),
    })
  },
)
