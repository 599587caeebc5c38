import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import { errorSums } from '../src/kernels/error-sums.ts'
import { floatBytes, testBuilder, testHost } from './helpers/coreml.ts'
import { OUT, quantized, valuesOf } from './helpers/coreml-quantized.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

const PRECISIONS = [
  'int8',
  'int8/tensor/asym',
  'int4/8',
  'int4/channel/asym',
  'palette2',
  'palette4/g8',
  'palette2/g4x2',
  'palette2/g4/int8',
  'palette4/scale',
  'palette2/g4/int8/scale',
  'sparse50+int8',
  'sparse2:4+int4/8',
  'sparse75/2+palette2/g4/int8',
] as const

/** What rounding finds hard: the ends of both dtypes, their smallest steps, and zeros. */
const HARD = {
  float16: [0, -0, 2 ** -24, -(2 ** -24), 2 ** -14, 65504, -65504, 1, -1],
  float32: [0, -0, 2 ** -149, -1e-40, 1e-30, 65504, 70000, 1e30, 3.4e38, -3.4e38, 1, -1],
} as const

type Dtype = keyof typeof HARD

/** A linear weight of 16 x 24 values. */
function hostOf(values: readonly number[], dtype: Dtype): Promise<MemoryHost> {
  const { constant, blobs, op, body } = testBuilder()
  const shape = [16, 24]
  constant('w', blobs.add({ dtype, shape }, floatBytes(values, dtype)))
  const row = (size: number) => ({ dtype, shape: [1, size] })
  op('linear', { x: 'x', weight: 'w' }, 'y', row(16))
  body.outputs.push('y')
  return testHost({ main: { body, inputs: { x: row(24) } } }, blobs, 9)
}

/** Few of the hard values among others, nothing else, or whole rows of one of them. */
const weight = fc.constantFrom<Dtype>('float16', 'float32').chain((dtype) => {
  const hard = fc.constantFrom(...HARD[dtype])
  const usual = fc.integer({ min: -512, max: 512 }).map((value) => value / 1024)
  const mixed = fc.oneof({ weight: 20, arbitrary: usual }, { weight: 1, arbitrary: hard })
  const values = (value: fc.Arbitrary<number>) =>
    fc.array(value, { minLength: 384, maxLength: 384 })
  const rows = fc
    .array(hard, { minLength: 16, maxLength: 16 })
    .map((each) => each.flatMap((value) => Array.from({ length: 24 }, () => value)))
  return fc.record({
    dtype: fc.constant(dtype),
    values: fc.oneof(values(mixed), values(hard), rows),
  })
})

test(
  'of any values, what is written is finite and as far off as it says',
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        weight,
        fc.constantFrom(...PRECISIONS),
        async ({ dtype, values }, precision) => {
          const host = await hostOf(values, dtype)
          const { model, written } = await quantized(host, { precision, protect: false })
          const before = await valuesOf(model, 'w')
          const after = await valuesOf(await readCoremlPackage(host, OUT), 'w')
          expect(after.every(Number.isFinite)).toBe(true)
          const { squaredError, squaredSignal } = errorSums(before, after)
          const sqnrDb = written.layers[0]?.totals.sqnrDb ?? null
          if (sqnrDb === null) expect(squaredError * squaredSignal).toBe(0)
          else expect(sqnrDb).toBeCloseTo(10 * Math.log10(squaredSignal / squaredError), 6)
        },
      ),
      { numRuns: 150 },
    )
  },
)
