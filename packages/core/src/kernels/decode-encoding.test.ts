import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededIntegers } from '../../test/kernel-values.ts'
import type { AffineEncoding, Encoding, PaletteEncoding } from '../scheme/encoding.ts'
import { roundToHalf } from '../tensor/float16.ts'
import { elementsOf } from '../tensor/weight.ts'
import { decode } from './decode-encoding.ts'
import { loadSimdKernels } from './simd.ts'

const simdKernels = loadSimdKernels()

const AFFINE: AffineEncoding = {
  kind: 'affine',
  dtype: 'float32',
  integer: 'int8',
  shape: [2, 3],
  block: [1, 3],
  codes: Int8Array.of(1, 2, 3, 4, 5, 6),
  scale: Float32Array.of(0.5, 2),
  scaleDtype: 'float32',
}

// By hand.
test.for<readonly [string, Encoding, readonly number[]]>([
  [
    'floats are what they are',
    { kind: 'float', dtype: 'float16', shape: [2], values: Float32Array.of(1, -0.5) },
    [1, -0.5],
  ],
  ['a scale for each row', AFFINE, [0.5, 1, 1.5, 8, 10, 12]],
  [
    'a scale for each column, with zero points',
    {
      ...AFFINE,
      block: [2, 1],
      scale: Float32Array.of(1, 10, 100),
      zeroPoint: Int8Array.of(1, 0, -1),
    },
    [0, 20, 400, 3, 50, 700],
  ],
  [
    'blocks on two axes',
    {
      ...AFFINE,
      shape: [2, 4],
      block: [2, 2],
      codes: Int8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      scale: Float32Array.of(1, -1),
    },
    [1, 2, -3, -4, 5, 6, -7, -8],
  ],
  [
    'a tensor without axes',
    { ...AFFINE, shape: [], block: [], codes: Int8Array.of(3), scale: Float32Array.of(2) },
    [6],
  ],
  [
    'a table for each two rows',
    palette([4, 2], [2, 2], [0, 1, 1, 0, 2, 3, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8]),
    [1, 2, 2, 1, 7, 8, 8, 8],
  ],
  [
    'a table for each column',
    palette([2, 2], [2, 1], [0, 1, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
    [1, 6, 4, 7],
  ],
  [
    // The second case of the doc comment of coremltools' constexpr_lut_to_dense, axis 1.
    'vectors along axis 1',
    {
      ...palette([2, 6, 2], [2, 6, 2], [0, 0, 1, 0, 1, 1, 0, 0], [1, 2, 3, 4, 5, 6]),
      bits: 1,
      vector: { axis: 1, size: 3 },
    },
    [1, 1, 2, 2, 3, 3, 4, 1, 5, 2, 6, 3, 4, 4, 5, 5, 6, 6, 1, 1, 2, 2, 3, 3],
  ],
  [
    'vectors along the last axis',
    {
      ...palette([1, 2, 6], [1, 2, 6], [0, 0, 1, 0], [1, 2, 3, 4, 5, 6]),
      bits: 1,
      vector: { axis: 2, size: 3 },
    },
    [1, 2, 3, 1, 2, 3, 4, 5, 6, 1, 2, 3],
  ],
  [
    'a table of int8',
    {
      ...palette([3], [3], [0, 2, 1], []),
      bits: 2,
      table: {
        ...AFFINE,
        dtype: 'float16',
        shape: [1, 4, 1],
        block: [1, 4, 1],
        codes: Int8Array.of(-127, 0, 10, 127),
        scale: Float32Array.of(0.25),
      },
    },
    [-31.75, 2.5, 0],
  ],
  [
    'zero where the mask is 0',
    { kind: 'sparse', shape: [2, 3], mask: Uint8Array.of(1, 0, 1, 0, 0, 1), values: AFFINE },
    [0.5, 0, 1.5, 0, 0, 12],
  ],
])('%s', ([, encoding, values]) => {
  expect([...decode(encoding)]).toEqual(values)
  expect([...decode(encoding, simdKernels)]).toEqual(values)
})

test('a decoded value is the exact product, rounded once to half precision', () => {
  // 77 * 0.0999755859375 = 7.6981201171875 lies between the halves 7.6953125 and 7.69921875.
  const encoding: AffineEncoding = {
    ...AFFINE,
    dtype: 'float16',
    shape: [1],
    block: [1],
    codes: Int8Array.of(77),
    scale: Float32Array.of(roundToHalf(0.1)),
  }
  expect(decode(encoding)[0]).toBe(7.69921875)
})

describe('every block of every small shape', () => {
  const axis = fc.integer({ min: 1, max: 3 })
  const axes = fc.array(fc.record({ blocks: axis, block: axis }), { minLength: 1, maxLength: 4 })

  test('affine values are those of the definition', () => {
    fc.assert(
      fc.property(axes, fc.integer(), (list, seed) => {
        const block = list.map((axis) => axis.block)
        const shape = list.map((axis) => axis.block * axis.blocks)
        const codes = Int8Array.from({ length: elementsOf(shape) }, seededIntegers(seed))
        const blocks = codes.length / elementsOf(block)
        const scale = Float32Array.from({ length: blocks }, (_, i) => i + 0.5)
        const zeroPoint = Int8Array.from({ length: blocks }, (_, i) => i)
        const encoding: AffineEncoding = { ...AFFINE, shape, block, codes, scale, zeroPoint }
        const expected = Float32Array.from(codes, (code, i) => {
          const of = blockOf(i, shape, block)
          return (code - (zeroPoint[of] ?? 0)) * (scale[of] ?? 0)
        })
        expect(decode(encoding)).toEqual(expected)
        expect(decode(encoding, simdKernels)).toEqual(expected)
      }),
    )
  })

  test('values of palettes are those of the definition', () => {
    fc.assert(
      fc.property(axes, fc.nat(3), axis, fc.integer(), (list, at, size, seed) => {
        const axis = at % list.length
        const grown = list.map((each, k) => (k === axis ? each.block * size : each.block))
        const shape = grown.map((each, k) => each * (list[k]?.blocks ?? 1))
        const indexShape = shape.map((each, k) => (k === axis ? each / size : each))
        const next = seededIntegers(seed)
        const indices = Uint8Array.from({ length: elementsOf(indexShape) }, () => next() % 4)
        const tables = elementsOf(shape) / elementsOf(grown)
        const table = Float32Array.from({ length: tables * 4 * size }, (_, i) => i)
        const encoding: PaletteEncoding = {
          ...palette(shape, grown, [...indices], [...table]),
          vector: { axis, size },
        }
        const inner = elementsOf(shape.slice(axis + 1))
        const expected = Float32Array.from({ length: elementsOf(shape) }, (_, i) => {
          const along = Math.floor(i / inner) % (shape[axis] ?? 1)
          const outer = Math.floor(i / inner / (shape[axis] ?? 1))
          const row = outer * (indexShape[axis] ?? 1) + Math.floor(along / size)
          const index = indices[row * inner + (i % inner)] ?? 0
          return (blockOf(i, shape, grown) * 4 + index) * size + (along % size)
        })
        expect(decode(encoding)).toEqual(expected)
      }),
    )
  })
})

test('parts that do not fit together are refused', () => {
  const broken: readonly Encoding[] = [
    { ...AFFINE, shape: [7] },
    { ...AFFINE, block: [1, 2] },
    { ...AFFINE, block: [1] },
    { ...AFFINE, scale: Float32Array.of(1) },
    { ...AFFINE, block: [2, 1], scale: new Float32Array(3), zeroPoint: new Int8Array(2) },
    palette([2, 2], [2, 2], [0, 1, 1], [1, 2, 3, 4]),
    palette([2, 2], [2, 2], [0, 1, 1, 1], [1, 2, 3]),
    { ...palette([3, 2], [3, 2], [0, 1, 1], [1, 2, 3, 4]), vector: { axis: 0, size: 2 } },
    { ...palette([4], [4], [0, 1], [1, 2, 3, 4]), vector: { axis: 1, size: 2 } },
    { kind: 'sparse', shape: [6], mask: new Uint8Array(5), values: { ...AFFINE } },
    { kind: 'sparse', shape: [7], mask: new Uint8Array(7), values: { ...AFFINE } },
    { kind: 'float', dtype: 'float32', shape: [7], values: new Float32Array(6) },
  ]
  for (const encoding of broken) expect(() => decode(encoding)).toThrow(TypeError)
})

test('a tensor without values decodes to none', () => {
  const empty = { shape: [0, 3], block: [1, 3] }
  expect(decode({ ...AFFINE, ...empty, codes: new Int8Array(0) })).toHaveLength(0)
  expect(decode({ ...palette([0, 3], [1, 3], [], []) })).toHaveLength(0)
})

function palette(
  shape: readonly number[],
  block: readonly number[],
  indices: readonly number[],
  table: readonly number[],
): PaletteEncoding {
  return {
    kind: 'palette',
    bits: 2,
    shape,
    block,
    vector: { axis: 0, size: 1 },
    indices: Uint8Array.from(indices),
    table: {
      kind: 'float',
      dtype: 'float32',
      shape: [table.length],
      values: Float32Array.from(table),
    },
  }
}

/** The block of value i, from its coordinates. */
function blockOf(i: number, shape: readonly number[], block: readonly number[]): number {
  let rest = i
  let stride = 1
  let index = 0
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1
    const blockSize = block[axis] ?? 1
    index += Math.floor((rest % size) / blockSize) * stride
    stride *= size / blockSize
    rest = Math.floor(rest / size)
  }
  return index
}
