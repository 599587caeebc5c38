import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededWeights, weightFloat } from '../../../test/kernel-values.ts'
import { MixbitError } from '../../base/error.ts'
import { decode } from '../../kernels/decode-encoding.ts'
import { permuteAxes } from '../../kernels/permute-axes.ts'
import { scalarKernels } from '../../kernels/scalar.ts'
import { loadSimdKernels } from '../../kernels/simd.ts'
import { roundToHalf } from '../../tensor/float16.ts'
import { elementsOf } from '../../tensor/weight.ts'
import { encodePalette } from './encode-palette.ts'
import type { PaletteSpec } from './palette-spec.ts'

const simdKernels = loadSimdKernels()

const SPEC: PaletteSpec = {
  shape: [4, 3],
  outputAxis: 0,
  bits: 1,
  channels: 4,
  vectorSize: 1,
  tableKind: 'float',
  channelScale: false,
  rule: 'kmeans',
  dtype: 'float16',
}

describe('encodePalette', () => {
  test('one table for all, in storage order', () => {
    const x = Float32Array.of(1, 1, 5, 5, 1, 1, 5, 5, 5, 1, 1, 2)
    const { encoding, error } = encodePalette(simdKernels, x, SPEC)
    expect(encoding).toMatchObject({ shape: [4, 3], block: [4, 3], vector: { axis: 0, size: 1 } })
    expect(encoding.table).toMatchObject({ kind: 'float', dtype: 'float16', shape: [1, 1, 2, 1] })
    // Six of 1 and one of 2 have the mean 8/7, as a half 1.142578125.
    expect([...decode(encoding.table)]).toEqual([1.142578125, 5])
    expect([...encoding.indices]).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0])
    expect(error.maxAbsError).toBe(2 - 1.142578125)
  })

  test('a table for each two output channels, of the last axis', () => {
    // Outputs 0 and 1 hold 1, 2; outputs 2 and 3 hold 7, 8.
    const x = Float32Array.of(1, 2, 7, 8, 2, 2, 8, 7, 1, 1, 8, 8)
    const spec = { ...SPEC, shape: [3, 4], outputAxis: 1, channels: 2 }
    const { encoding, error } = encodePalette(simdKernels, x, spec)
    expect(encoding.block).toEqual([3, 2])
    expect(encoding.table.shape).toEqual([1, 2, 2, 1])
    expect([...decode(encoding.table)]).toEqual([1, 2, 7, 8])
    expect([...encoding.indices]).toEqual([0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1])
    expect(error.squaredError).toBe(0)
  })

  test('vectors of output channels', () => {
    // Outputs (0, 1): columns (1, 2), (5, 6), (1, 2). Outputs (2, 3): (5, 6), (5, 6), (1, 2).
    const x = Float32Array.of(1, 5, 1, 2, 6, 2, 5, 5, 1, 6, 6, 2)
    const { encoding, error } = encodePalette(simdKernels, x, { ...SPEC, vectorSize: 2 })
    expect(encoding.table.shape).toEqual([1, 1, 2, 2])
    expect(error.squaredError).toBe(0)
    expect(encoding.indices).toHaveLength(6)
    expect([...decode(encoding)]).toEqual([...x])
  })

  test('vectors whose squares float32 cannot hold get their nearest entries', () => {
    const x = seededWeights(384, 24)
    const spec = { ...SPEC, shape: [16, 24], channels: 16, bits: 4, vectorSize: 2 } as const
    const own = { ...spec, dtype: 'float32' } as const
    const { indices } = encodePalette(simdKernels, x, own).encoding
    for (const factor of [2 ** -90, 2 ** 90]) {
      const scaled = x.map((value) => value * factor)
      expect(encodePalette(simdKernels, scaled, own).encoding.indices).toEqual(indices)
    }
  })

  test('channels of any size share a table once they are scaled', () => {
    const row = [1, -1, 0.5, -0.5, 0.25]
    const x = Float32Array.from([...row, ...row.map((v) => v * 1024), 0, 0, 0, 0, 0])
    const spec = { ...SPEC, shape: [3, 5], channels: 3, bits: 3, channelScale: true } as const
    const { encoding, error } = encodePalette(simdKernels, x, spec)
    expect(error.squaredError).toBe(0)
    expect(encoding.block).toEqual([1, 5])
    expect(encoding.table.shape).toEqual([3, 1, 8, 1])
    expect([...decode(encoding.table)].slice(16)).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  })

  test('tables of int8 have one scale', () => {
    const x = Float32Array.of(12.7, 0.3, -5.02, 12.7, 1, 12.7, 0.3, 1, 1, 1, 1, -5)
    const spec = { ...SPEC, channels: 2, bits: 2, tableKind: 'int8', dtype: 'float32' } as const
    const { encoding } = encodePalette(simdKernels, x, spec)
    expect(encoding.table).toMatchObject({ kind: 'affine', integer: 'int8', block: [2, 1, 4, 1] })
    // The scale is 0.1 as float32.
    const table = decode(encoding.table)
    expect([...table.subarray(0, 4)].map((entry) => Math.round(entry * 10))).toEqual([
      -50, 3, 10, 127,
    ])
    // Values 0.3, 1 and -5 need three of the four entries.
    expect([...table.subarray(4)].map((entry) => Math.round(entry * 10))).toEqual(
      expect.arrayContaining([-50, 3, 10]),
    )
  })

  test('tables of int8 for scaled channels share codes, and have a scale each', () => {
    const row = [127, -127, 64, 3, 0]
    const x = Float32Array.from([...row, ...row.map((v) => v / 1024), 0, 0, 0, 0, 0])
    const spec = { ...SPEC, shape: [3, 5], channels: 3, bits: 3, channelScale: true } as const
    const { encoding, error } = encodePalette(simdKernels, x, { ...spec, tableKind: 'int8' })
    expect(encoding.table).toMatchObject({ shape: [3, 1, 8, 1], block: [1, 1, 8, 1] })
    const scale = encoding.table.kind === 'affine' ? encoding.table.scale : []
    expect([...scale]).toEqual([1, 2 ** -10, 2 ** -24])
    expect(error.squaredError).toBe(0)
  })

  test('a given table is used as it is', () => {
    const table = Float32Array.of(-1, 3)
    const { encoding } = encodePalette(simdKernels, seededWeights(12, 1), { ...SPEC, table })
    expect(decode(encoding.table)).toEqual(table)
  })

  test('few values stay exact, more than entries are refused', () => {
    const x = Float32Array.of(1 + 2 ** -20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -0)
    const spec = { ...SPEC, bits: 2, rule: 'unique', dtype: 'float32' } as const
    expect(encodePalette(simdKernels, x, spec).error.squaredError).toBe(0)
    expect(() => encodePalette(simdKernels, x, { ...spec, bits: 1 })).toThrow(
      expect.objectContaining({ code: 'unsupported-scheme' }),
    )
    const pairs = encodePalette(simdKernels, x, { ...spec, vectorSize: 2 })
    expect(pairs.error.squaredError).toBe(0)
  })

  test('importance decides where it differs', () => {
    const x = Float32Array.of(0, 1, 2, 3)
    const spec = { ...SPEC, shape: [1, 4], channels: 1 }
    const first = encodePalette(simdKernels, x, {
      ...spec,
      importance: Float32Array.of(9, 9, 1, 1),
    })
    expect([...first.encoding.indices]).toEqual([0, 1, 1, 1])
    // All 0 counts all alike.
    const none = encodePalette(simdKernels, x, { ...spec, importance: new Float32Array(4) })
    expect([...none.encoding.indices]).toEqual([0, 0, 1, 1])
  })
})

describe('values that are hard to store', () => {
  test('tiny ones keep their relative error, as float32 and as halves', () => {
    for (const [dtype, unit] of [
      ['float32', 1e-30],
      ['float16', 2 ** -20],
    ] as const) {
      const x = seededWeights(4096, 3).map((value) => (value / 0.02) * unit)
      const shape = { shape: [4, 1024], bits: 4 } as const
      const { error } = encodePalette(simdKernels, x, { ...SPEC, ...shape, dtype })
      expect(error.squaredError / error.squaredSignal).toBeLessThan(0.02)
    }
  })

  test('what is beyond fp16 becomes its end, and NaN the entry nearest to 0', () => {
    const x = Float32Array.of(1e6, -1e6, NaN, 1, 1e6, -1e6, 1, 1, 1e6, 1, 1, -1e6)
    for (const form of [
      {},
      { tableKind: 'int8' },
      { tableKind: 'int8', channelScale: true },
    ] as const) {
      const { encoding } = encodePalette(simdKernels, x, { ...SPEC, bits: 2, ...form })
      const decoded = decode(encoding)
      expect(decoded.every(Number.isFinite)).toBe(true)
      expect(decoded[0]).toBeGreaterThan(65000)
      expect(Math.abs(decoded[2] ?? 9)).toBeLessThanOrEqual(2)
    }
  })

  test('a tensor of nothing but NaN or 0 decodes to 0', () => {
    for (const value of [NaN, 0]) {
      for (const form of [
        {},
        { channelScale: true },
        { tableKind: 'int8' },
        { vectorSize: 2 },
      ] as const) {
        const x = new Float32Array(12).fill(value)
        const { encoding } = encodePalette(simdKernels, x, { ...SPEC, ...form })
        expect([...decode(encoding)].every((decoded) => Object.is(decoded, 0))).toBe(true)
      }
    }
  })
})

describe('every form', () => {
  const spec = fc.record({
    bits: fc.constantFrom(1, 2, 3, 4, 6),
    vectorSize: fc.constantFrom(1, 2),
    tableKind: fc.constantFrom('float', 'int8'),
    channelScale: fc.boolean(),
    rule: fc.constantFrom('kmeans', 'uniform'),
    dtype: fc.constantFrom('float16', 'float32'),
    outputAxis: fc.constantFrom(0, 1, 2),
    channels: fc.constantFrom(2, 4),
  })
  const stream = fc.infiniteStream(weightFloat)

  test('has the same numbers for outputs on any axis, and with scalar kernels', () => {
    fc.assert(
      fc.property(spec, stream, fc.boolean(), (form, values, isWeighted) => {
        if (form.rule === 'uniform' && form.vectorSize > 1) return
        const shape = [4, 3, 5]
        const moved = [
          ...shape.slice(1, form.outputAxis + 1),
          4,
          ...shape.slice(form.outputAxis + 1),
        ]
        const order = [1, 2]
        order.splice(form.outputAxis, 0, 0)
        const x = Float32Array.from({ length: 60 }, () => values.next().value)
        const importance = x.map((_, i) => ((i % 15) % 4) + 0.5)
        const given = isWeighted ? { importance } : {}
        const first = encodePalette(scalarKernels, x, { ...form, ...given, shape, outputAxis: 0 })
        const other = encodePalette(simdKernels, moveTo(x, shape, order), {
          ...form,
          ...(isWeighted ? { importance: moveTo(importance, shape, order) } : {}),
          shape: moved,
        })
        expect(decode(other.encoding)).toEqual(moveTo(decode(first.encoding), shape, order))
      }),
      { numRuns: 60 },
    )
  })

  test('gives each value the nearest entry of its own table', () => {
    fc.assert(
      fc.property(spec, stream, (form, values) => {
        if (form.rule === 'uniform' && form.vectorSize > 1) return
        const shape = [4, 4, 4]
        const x = Float32Array.from({ length: 64 }, () => values.next().value)
        const { encoding, error } = encodePalette(simdKernels, x, { ...form, shape })
        const decoded = decode(encoding)
        expect(error.squaredError).toBeCloseTo(
          x.reduce((sum, v, i) => sum + (v - (decoded[i] ?? 0)) ** 2, 0),
          6,
        )
        if (form.vectorSize > 1) return
        const tables = decode(encoding.table)
        const entries = 2 ** form.bits
        const after = elementsOf(shape.slice(form.outputAxis + 1))
        for (const [i, value] of x.entries()) {
          const output = Math.floor(i / after) % 4
          const table = Math.floor(output / (encoding.block[form.outputAxis] ?? 1))
          const own = tables.subarray(table * entries, (table + 1) * entries)
          const least = Math.min(...Array.from(own, (entry) => Math.abs(value - entry)))
          expect(Math.abs(value - (decoded[i] ?? 0))).toBe(least)
        }
      }),
      { numRuns: 60 },
    )
  })
})

test('entries of 8 bits keep 256 distinct halves exactly', () => {
  const x = Float32Array.from({ length: 4096 }, (_, i) => roundToHalf(((i % 256) - 128) * 0.013))
  const { error } = encodePalette(simdKernels, x, { ...SPEC, shape: [4, 1024], bits: 8 })
  expect(error.squaredError).toBe(0)
})

test('tables of int8 that are chosen among the codes have less error than rounded ones', () => {
  const x = seededWeights(40000, 9)
  const spec = { ...SPEC, shape: [40, 1000], channels: 40, bits: 6 } as const
  const chosen = encodePalette(simdKernels, x, { ...spec, tableKind: 'int8' })
  const table = decode(encodePalette(simdKernels, x, spec).encoding.table)
  const scale = Math.max(...table.map(Math.abs)) / 127
  const rounded = table.map((entry) => Math.round(entry / scale) * scale)
  const other = encodePalette(simdKernels, x, { ...spec, table: rounded, dtype: 'float32' })
  expect(chosen.error.squaredError).toBeLessThan(other.error.squaredError)
})

test.for([
  { channels: 3 },
  { channels: 2, vectorSize: 4 },
  { vectorSize: 2, rule: 'uniform' },
  { channelScale: true, rule: 'unique' },
  { tableKind: 'int8', table: new Float32Array(2) },
] as const)('%o is refused', (part) => {
  expect(() => encodePalette(simdKernels, new Float32Array(12), { ...SPEC, ...part })).toThrow(
    MixbitError,
  )
})

function moveTo(x: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const out = new Float32Array(x.length)
  permuteAxes(out, x, shape, order)
  return out
}
