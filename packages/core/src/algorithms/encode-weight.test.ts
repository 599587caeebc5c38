import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededWeights, weightFloat } from '../../test/kernel-values.ts'
import { decode } from '../kernels/decode-encoding.ts'
import { distinctValues, mergeDistinct, noDistinctValues } from '../kernels/distinct-values.ts'
import { errorSums } from '../kernels/error-sums.ts'
import { keyExponent } from '../kernels/half-keys.ts'
import { loadSimdKernels } from '../kernels/simd.ts'
import type { AffineScheme, PaletteScheme, Scheme, SparseScheme } from '../scheme/scheme.ts'
import { encodeWeight, type WeightSpec } from './encode-weight.ts'
import { paletteTable } from './palette/palette-table.ts'
import { slabRows } from './scheme-blocks.ts'

const kernels = loadSimdKernels()

const INT8: AffineScheme = {
  kind: 'affine',
  dtype: 'int8',
  symmetric: true,
  granularity: { kind: 'per-channel', axis: 0 },
  scaleDtype: 'float16',
}

const PALETTE: PaletteScheme = {
  kind: 'palette',
  bits: 4,
  granularity: { kind: 'per-tensor' },
  vectorSize: 1,
  table: 'float',
  channelScale: false,
}

const HALF: SparseScheme = {
  kind: 'sparse',
  pattern: { kind: 'fraction', zeros: 0.5 },
  values: { kind: 'float', dtype: 'float16' },
}

const AXES = { outputAxis: 0, inputAxis: 1 } as const

function specOf(scheme: Scheme, part: Partial<WeightSpec> = {}): WeightSpec {
  return {
    shape: [4, 6],
    ...AXES,
    scheme,
    algorithm: 'round',
    paletteRule: 'kmeans',
    decodeDtype: 'float16',
    ...part,
  }
}

describe('floats', () => {
  test('are the nearest of their dtype, and what is beyond fp16 its end', () => {
    const x = Float32Array.of(1 + 2 ** -12, 70000, -1e30, NaN, Infinity, 0)
    const half = specOf({ kind: 'float', dtype: 'float16' }, { shape: [6] })
    expect([...decode(encodeWeight(kernels, x, half).encoding)]).toEqual([
      1,
      65504,
      -65504,
      NaN,
      Infinity,
      0,
    ])
    const brain = specOf({ kind: 'float', dtype: 'bfloat16' }, { shape: [6] })
    expect(decode(encodeWeight(kernels, x, brain).encoding)[0]).toBe(1)
    const full = specOf({ kind: 'float', dtype: 'float32' }, { shape: [6] })
    const same = encodeWeight(kernels, x, full)
    expect([...decode(same.encoding)]).toEqual([...x])
    expect(same.error.squaredError).toBe(0)
  })
})

describe('blocks', () => {
  // By hand: which values share a scale or a table.
  test.for<readonly [string, Scheme, readonly number[]]>([
    ['per tensor', { ...INT8, granularity: { kind: 'per-tensor' } }, [4, 6]],
    ['per channel', INT8, [1, 6]],
    ['per block', { ...INT8, granularity: { kind: 'per-block', axis: 1, blockSize: 3 } }, [1, 3]],
    ['one table', PALETTE, [4, 6]],
    ['a table a channel', { ...PALETTE, granularity: { kind: 'per-channel', axis: 0 } }, [1, 6]],
    [
      'a table for two channels',
      { ...PALETTE, granularity: { kind: 'per-block', axis: 0, blockSize: 2 } },
      [2, 6],
    ],
    ['scaled channels', { ...PALETTE, channelScale: true }, [1, 6]],
  ])('%s', ([, scheme, block]) => {
    expect(encodeWeight(kernels, seededWeights(24, 1), specOf(scheme)).encoding).toMatchObject({
      block,
    })
  })

  test('a block spans the kernel of a convolution', () => {
    const scheme = { ...INT8, granularity: { kind: 'per-block', axis: 1, blockSize: 2 } } as const
    const spec = specOf(scheme, { shape: [2, 4, 3, 3] })
    const { encoding } = encodeWeight(kernels, seededWeights(72, 1), spec)
    expect(encoding).toMatchObject({ block: [1, 2, 3, 3] })
  })

  test.for<readonly [string, Scheme]>([
    ['blocks', { ...INT8, granularity: { kind: 'per-block', axis: 1, blockSize: 4 } }],
    ['groups', { ...PALETTE, granularity: { kind: 'per-block', axis: 0, blockSize: 3 } }],
    ['vectors', { ...PALETTE, vectorSize: 3 }],
    ['vectors under a mask', { ...HALF, values: { ...PALETTE, vectorSize: 2 } }],
  ])('%s that do not fit are refused', ([, scheme]) => {
    expect(() => encodeWeight(kernels, seededWeights(24, 1), specOf(scheme))).toThrow(
      expect.objectContaining({ code: 'unsupported-scheme' }),
    )
  })
})

test('scales are float32 where values decode to float32', () => {
  const x = Float32Array.of(1e-9, -2e-9, 3e-9, 0.5e-9)
  const { encoding, error } = encodeWeight(
    kernels,
    x,
    specOf(INT8, { shape: [1, 4], decodeDtype: 'float32' }),
  )
  expect(encoding).toMatchObject({ dtype: 'float32', scaleDtype: 'float32' })
  expect(error.maxAbsError).toBeLessThan(3e-9 / 254 + 1e-14)
})

describe('sparse weights', () => {
  test('scales come from the values that are kept', () => {
    // The larger half of each row is kept; without the rest the range is [100, 127].
    const x = Float32Array.of(100, 127, 1, -1, 0, 2, 100, 127, 1, -1, 0, 2)
    const values = { ...INT8, symmetric: false } as const
    const spec = specOf(
      { ...HALF, pattern: { kind: 'n-of-m', n: 2, m: 6 }, values },
      { shape: [2, 6] },
    )
    const { encoding, error } = encodeWeight(kernels, x, spec)
    expect([...decode(encoding)].map((value) => value > 0)).toEqual(
      [1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0].map(Boolean),
    )
    expect(error).toEqual(errorSums(x, decode(encoding)))
  })

  test('tables come from the values that are kept', () => {
    const x = Float32Array.of(5, 5.5, 6, 6.5, 0.001, 0.002, 0.003, 0.004)
    const values = { ...PALETTE, bits: 2 } as const
    const { encoding } = encodeWeight(kernels, x, specOf({ ...HALF, values }, { shape: [8] }))
    expect([...decode(encoding)]).toEqual([5, 5.5, 6, 6.5, 0, 0, 0, 0])
  })

  test('floats that are not kept are 0', () => {
    const { encoding } = encodeWeight(
      kernels,
      Float32Array.of(1, 2, 3, 4),
      specOf(HALF, { shape: [4] }),
    )
    expect(
      encoding.kind === 'sparse' && encoding.values.kind === 'float' && [...encoding.values.values],
    ).toEqual([0, 0, 3, 4])
  })
})

describe('importance', () => {
  test('of input channels, or of the values of an output, on any axis', () => {
    const x = Float32Array.of(0, 0, 1, 1, 2, 2, 3, 3)
    const scheme = { ...PALETTE, bits: 1 } as const
    const byInput = { shape: [1, 4, 2], importance: Float32Array.of(9, 9, 1, 1) }
    const byValue = { shape: [1, 4, 2], importance: Float32Array.of(9, 9, 9, 9, 1, 1, 1, 1) }
    for (const part of [byInput, byValue]) {
      const { encoding } = encodeWeight(kernels, x, specOf(scheme, part))
      expect(encoding.kind === 'palette' && [...encoding.indices]).toEqual([0, 0, 1, 1, 1, 1, 1, 1])
    }
    const inputsFirst = {
      shape: [4, 2],
      outputAxis: 1,
      inputAxis: 0,
      importance: Float32Array.of(9, 9, 1, 1),
    }
    const { encoding } = encodeWeight(kernels, x, specOf(scheme, inputsFirst))
    expect(encoding.kind === 'palette' && [...encoding.indices]).toEqual([0, 0, 1, 1, 1, 1, 1, 1])
    const wrong = { shape: [4, 2], importance: new Float32Array(3) }
    expect(() => encodeWeight(kernels, x, specOf(scheme, wrong))).toThrow(TypeError)
  })
})

const SCHEMES: readonly Scheme[] = [
  { kind: 'float', dtype: 'float16' },
  INT8,
  { ...INT8, dtype: 'int4', granularity: { kind: 'per-block', axis: 1, blockSize: 3 } },
  { ...INT8, dtype: 'int4', symmetric: false, granularity: { kind: 'per-tensor' } },
  { ...PALETTE, bits: 2 },
  { ...PALETTE, bits: 1, granularity: { kind: 'per-block', axis: 0, blockSize: 2 } },
  { ...PALETTE, bits: 3, table: 'int8' },
  {
    ...PALETTE,
    bits: 2,
    channelScale: true,
    granularity: { kind: 'per-block', axis: 0, blockSize: 2 },
  },
  { ...PALETTE, bits: 2, channelScale: true, table: 'int8' },
  { ...PALETTE, bits: 2, vectorSize: 2 },
  { ...PALETTE, bits: 2, granularity: { kind: 'per-channel', axis: 0 } },
]

const PATTERNS: readonly SparseScheme['pattern'][] = [
  { kind: 'fraction', zeros: 0.4 },
  { kind: 'structured', zeros: 0.5, size: 2 },
  { kind: 'threshold', magnitude: 0.02 },
  { kind: 'n-of-m', n: 1, m: 3 },
]

const ALL: readonly Scheme[] = [
  ...SCHEMES,
  ...PATTERNS.flatMap((pattern) =>
    SCHEMES.flatMap((values): readonly Scheme[] =>
      values.kind === 'sparse' || (values.kind === 'palette' && values.vectorSize > 1)
        ? []
        : [{ kind: 'sparse', pattern, values }],
    ),
  ),
]

describe('every scheme', () => {
  test('measures the error of what it decodes to, and gives the same bytes again', () => {
    const stream = fc.infiniteStream(weightFloat)
    fc.assert(
      fc.property(
        fc.constantFrom(...ALL),
        stream,
        fc.constantFrom('round', 'mse'),
        (scheme, values, algorithm) => {
          const x = Float32Array.from({ length: 24 }, () => values.next().value)
          for (const decodeDtype of ['float16', 'float32'] as const) {
            const spec = specOf(scheme, { algorithm, decodeDtype })
            const { encoding, error } = encodeWeight(kernels, x, spec)
            const measured = errorSums(x, decode(encoding))
            expect(error.maxAbsError).toBe(measured.maxAbsError)
            expect(error.squaredError).toBeCloseTo(measured.squaredError, 9)
            expect(encodeWeight(kernels, Float32Array.from(x), spec).encoding).toEqual(encoding)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('is the same in slabs where it may be cut', () => {
    let cut = 0
    for (const scheme of ALL) {
      const step = slabRows(scheme, AXES)
      if (step === null) continue
      cut++
      const x = seededWeights(12 * 6, 3)
      const whole = decode(encodeWeight(kernels, x, specOf(scheme, { shape: [12, 6] })).encoding)
      for (let row = 0; row < 12; row += 2 * step) {
        const rows = Math.min(2 * step, 12 - row)
        const slab = x.slice(row * 6, (row + rows) * 6)
        const part = decode(
          encodeWeight(kernels, slab, specOf(scheme, { shape: [rows, 6] })).encoding,
        )
        expect(part).toEqual(whole.slice(row * 6, (row + rows) * 6))
      }
    }
    expect(cut).toBeGreaterThan(15)
  })
})

test('one table from counts of parts is that of the whole', () => {
  const x = seededWeights(6000, 4)
  const shape = [60, 100]
  const whole = encodeWeight(kernels, x, specOf(PALETTE, { shape })).encoding
  const exponent = keyExponent(Math.max(...x.map(Math.abs)))
  const counts = [x.subarray(0, 2500), x.subarray(2500)]
    .map((part) => distinctValues(part, exponent, undefined))
    .reduce(mergeDistinct, noDistinctValues(exponent))
  const table = paletteTable(kernels, counts, { bits: 4, rule: 'kmeans', dtype: 'float16' })
  expect(slabRows(PALETTE, AXES, { table: true })).toBe(1)
  const part = specOf(PALETTE, { shape: [25, 100], ...(table === null ? {} : { table }) })
  const slab = encodeWeight(kernels, x.slice(0, 2500), part).encoding
  expect(decode(slab)).toEqual(decode(whole).slice(0, 2500))
})

// By hand: what is chosen for all rows together cannot be cut.
test.for<
  readonly [Scheme, { readonly outputAxis: number; readonly inputAxis: number }, number | null]
>([
  [{ ...INT8, granularity: { kind: 'per-tensor' } }, AXES, null],
  [
    { ...INT8, granularity: { kind: 'per-channel', axis: 1 } },
    { outputAxis: 1, inputAxis: 0 },
    null,
  ],
  [
    { ...INT8, granularity: { kind: 'per-block', axis: 0, blockSize: 32 } },
    { outputAxis: 1, inputAxis: 0 },
    32,
  ],
  [{ ...PALETTE, granularity: { kind: 'per-block', axis: 0, blockSize: 16 } }, AXES, 16],
  [
    { ...PALETTE, table: 'int8', granularity: { kind: 'per-block', axis: 0, blockSize: 16 } },
    AXES,
    null,
  ],
  [HALF, AXES, null],
  [
    {
      ...HALF,
      pattern: { kind: 'n-of-m', n: 2, m: 6 },
      values: { ...INT8, granularity: { kind: 'per-block', axis: 0, blockSize: 4 } },
    },
    { outputAxis: 1, inputAxis: 0 },
    12,
  ],
])('slabs of %o', ([scheme, axes, rows]) => {
  expect(slabRows(scheme, axes)).toBe(rows)
})
