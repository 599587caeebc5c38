import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededWeights, weightFloat } from '../../test/kernel-values.ts'
import { roundHalfToEven } from '../tensor/rounding.ts'
import type { CodeRange, SearchSpec } from './kernels.ts'
import { clipFractions } from './mse-grid.ts'
import { mseScales } from './mse-search.ts'
import { asymmetricScales, roundScales, symmetricScales } from './scales.ts'

const INT8 = { qmin: -127, qmax: 127 } as const
const INT4 = { qmin: -8, qmax: 7 } as const
const INT3 = { qmin: -4, qmax: 3 } as const
const INT2 = { qmin: -2, qmax: 1 } as const

/** The definition, in float64: sum of importance * (x - (q - zero) * scale)^2. */
function errorOf(
  x: Float32Array,
  scale: number,
  zero: number,
  range: CodeRange,
  importance?: Float32Array,
): number {
  let sum = 0
  for (const [i, value] of x.entries()) {
    const code = roundHalfToEven(value / scale) + zero
    const limited = Math.min(Math.max(code, range.qmin), range.qmax)
    sum += (importance?.[i] ?? 1) * (value - (limited - zero) * scale) ** 2
  }
  return sum
}

function search(x: Float32Array, spec: SearchSpec, importance?: Float32Array): Float32Array {
  const scale = new Float32Array(x.length / spec.blockLength)
  mseScales(scale, undefined, x, importance, spec)
  return scale
}

test('both grids hold 32 fractions in falling order, and 1', () => {
  for (const range of [INT8, INT4, INT3, INT2]) {
    const fractions = [...clipFractions({ ...range, blockLength: 896 })]
    expect(fractions).toHaveLength(32)
    expect(fractions).toContain(1)
    expect(fractions.toSorted((a, b) => b - a)).toEqual(fractions)
  }
})

// Limits: a little above what was measured when the grid was chosen (mse-grid.ts), over both signs.
test.for([
  { name: 'int4 in blocks of 32', range: INT4, blockLength: 32, limit: 1.006 },
  { name: 'int4 in blocks of 128', range: INT4, blockLength: 128, limit: 1.006 },
  { name: 'int4 per channel', range: INT4, blockLength: 896, limit: 1.008 },
  { name: 'int3 in blocks of 32', range: INT3, blockLength: 32, limit: 1.006 },
  { name: 'int2 in blocks of 32', range: INT2, blockLength: 32, limit: 1.03 },
  { name: 'int8 per channel', range: INT8, blockLength: 896, limit: 1.008 },
])('$name: the error is close to the best of 800 scales', ({ range, blockLength, limit }) => {
  const blocks = Math.max(12, Math.floor(3000 / blockLength))
  const x = seededWeights(blocks * blockLength, 11)
  const spec = { ...range, blockLength, cols: blockLength, scaleDtype: 'float32' } as const
  const found = search(x, spec)
  const plain = new Float32Array(blocks)
  symmetricScales(plain, x, spec)
  let foundError = 0
  let bestError = 0
  for (const [block, scale] of plain.entries()) {
    const values = x.subarray(block * blockLength, (block + 1) * blockLength)
    const errors = Array.from({ length: 800 }, (_, i) => {
      const magnitude = scale * (1.2 - (i >> 1) / 400)
      return errorOf(values, i % 2 === 0 ? magnitude : -magnitude, 0, range)
    })
    bestError += Math.min(...errors)
    foundError += errorOf(values, found[block] ?? NaN, 0, range)
  }
  expect(foundError / bestError).toBeLessThan(limit)
})

test('the search is never worse than plain rounding, with any importance', () => {
  const weight = fc.tuple(weightFloat, weightFloat.map(Math.abs))
  const ranges = fc.constantFrom(INT8, INT4, INT3, INT2)
  const dtypes = fc.constantFrom('float16', 'float32')
  fc.assert(
    fc.property(
      fc.array(weight, { minLength: 1, maxLength: 64 }),
      ranges,
      dtypes,
      (pairs, range, dtype) => {
        const x = Float32Array.from(pairs, ([value]) => value)
        const importance = Float32Array.from(pairs, ([, value]) => value)
        const spec = { ...range, blockLength: x.length, cols: x.length, scaleDtype: dtype }
        const [found = NaN] = search(x, spec, importance)
        const plain = new Float32Array(1)
        symmetricScales(plain, x, spec)
        roundScales(plain, plain, dtype)
        const used = importance.some((value) => value > 0) ? importance : undefined
        const plainError = errorOf(x, plain[0] ?? NaN, 0, range, used)
        // The search adds in float32; a block of near-exact values may differ by its rounding.
        const noise = 1e-12 * x.reduce((sum, value, i) => sum + (used?.[i] ?? 1) * value ** 2, 0)
        expect(errorOf(x, found, 0, range, used)).toBeLessThanOrEqual(plainError * 1.0001 + noise)
      },
    ),
  )
})

test('values that fit exactly keep their scale', () => {
  const spec = { ...INT4, blockLength: 8, cols: 8, scaleDtype: 'float16' } as const
  expect([...search(Float32Array.of(7, -8, 3, 1, 0, -2, 5, -5), spec)]).toEqual([1])
})

test('a value without importance is clipped for the sake of the others, in a long block', () => {
  const x = Float32Array.from({ length: 96 }, (_, i) => (i === 0 ? 14 : 0.5 + (i % 7)))
  const importance = Float32Array.from({ length: 96 }, (_, i) => (i === 0 ? 0 : 1))
  const spec = { ...INT4, blockLength: 96, cols: 96, scaleDtype: 'float32' } as const
  expect(Math.abs(search(x, spec, importance)[0] ?? NaN)).toBeLessThan(1.2)
  expect(Math.abs(search(x, spec)[0] ?? NaN)).toBeGreaterThan(1.5)
})

test('the search keeps the sign of the scale that clips nothing', () => {
  for (const range of [INT8, INT4, INT3, INT2]) {
    const spec = { ...range, blockLength: 32, cols: 32, scaleDtype: 'float16' } as const
    const x = seededWeights(32 * 20, 4)
    const plain = new Float32Array(20)
    symmetricScales(plain, x, spec)
    const negative = plain.filter((scale) => scale < 0).length
    expect(negative > 0).toBe(range.qmax !== -range.qmin)
    expect(search(x, spec).map(Math.sign)).toEqual(plain.map(Math.sign))
  }
})

test('a mirrored block has the mirrored scale', () => {
  const spec = { ...INT4, blockLength: 32, cols: 32, scaleDtype: 'float16' } as const
  const x = seededWeights(32 * 20, 6)
  expect(
    search(
      x.map((value) => -value),
      spec,
    ),
  ).toEqual(search(x, spec).map((scale) => -scale))
})

test('the outlier of a short block is never clipped by more than 8 %', () => {
  const x = Float32Array.of(14, 1, 2, 3, 4, 5, 6, 6.5)
  const importance = Float32Array.of(0, 1, 1, 1, 1, 1, 1, 1)
  const spec = { ...INT4, blockLength: 8, cols: 8, scaleDtype: 'float32' } as const
  expect(search(x, spec, importance)[0]).toBeLessThan((-14 / 8) * 0.92)
})

test('a block whose importance is all zero is judged without it', () => {
  const x = seededWeights(64, 3)
  const spec = { ...INT4, blockLength: 32, cols: 32, scaleDtype: 'float16' } as const
  expect(search(x, spec, new Float32Array(32))).toEqual(search(x, spec))
})

test('the importance of a column counts in every row, also in one block over all rows', () => {
  const x = seededWeights(96, 5)
  const importance = Float32Array.from({ length: 32 }, (_, i) => i % 3)
  const whole = { ...INT4, blockLength: 96, cols: 32, scaleDtype: 'float32' } as const
  const asOneRow = { ...whole, cols: 96 }
  const repeated = Float32Array.from({ length: 96 }, (_, i) => (i % 32) % 3)
  expect(search(x, whole, importance)).toEqual(search(x, asOneRow, repeated))
})

// The rule of storedScale: 0 is 1; what would be 0 is the smallest; beyond 65504 is 65504.
test.for([
  { name: 'all zero', x: [0, 0], stored: 1 },
  { name: 'only NaN', x: [NaN, NaN], stored: 1 },
  { name: 'below half precision', x: [-1e-20, 1e-21], stored: 2 ** -24 },
  { name: 'below half precision and mirrored', x: [1e-20, -1e-21], stored: -(2 ** -24) },
  { name: 'subnormal float32', x: [-1e-44, 0], stored: 2 ** -24 },
  { name: 'subnormal float32 and mirrored', x: [2.5e-44, 0], stored: -(2 ** -24) },
  { name: 'beyond half precision', x: [3e38, -3e38], stored: 65504 },
  { name: 'beyond half precision and mirrored', x: [3e38, -1e38], stored: -65504 },
])('a block that is $name gets a float16 scale of $stored', ({ x, stored }) => {
  const spec = { ...INT4, blockLength: 2, cols: 2, scaleDtype: 'float16' } as const
  expect(search(Float32Array.from(x), spec)[0]).toBe(stored)
})

test('the asymmetric search is never worse than plain rounding and gains on long blocks', () => {
  const spec = { ...INT4, blockLength: 256, cols: 256, scaleDtype: 'float32' } as const
  const x = seededWeights(256 * 8, 9).map((value) => value + 0.01)
  const scale = new Float32Array(8)
  const zero = new Int8Array(8)
  mseScales(scale, zero, x, undefined, spec)
  const plainScale = new Float32Array(8)
  const plainZero = new Int8Array(8)
  asymmetricScales(plainScale, plainZero, x, spec)
  let sum = 0
  let plainSum = 0
  for (let block = 0; block < 8; block++) {
    const values = x.subarray(block * 256, (block + 1) * 256)
    const found = errorOf(values, scale[block] ?? NaN, zero[block] ?? NaN, INT4)
    const plain = errorOf(values, plainScale[block] ?? NaN, plainZero[block] ?? NaN, INT4)
    expect(found).toBeLessThanOrEqual(plain * 1.0001)
    sum += found
    plainSum += plain
  }
  expect(sum).toBeLessThan(0.9 * plainSum)
})
