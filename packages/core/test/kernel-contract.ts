import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BlockSpec, Kernels, SearchSpec } from '../src/kernels/kernels.ts'
import { scalarKernels } from '../src/kernels/scalar.ts'
import {
  anyFloat,
  firstDifference,
  seededBits,
  seededWeights,
  weightFloat,
} from './kernel-values.ts'

/** Every length up to two whole vectors of the widest loop, so that every tail is met. */
const SHORT_LENGTHS: readonly number[] = Array.from({ length: 71 }, (_, length) => length)

/** Around one chunk of the SIMD kernels. */
const LONG_LENGTHS: readonly number[] = [65535, 65536, 65537]

const RANGES = [
  { name: 'int8', qmin: -127, qmax: 127 },
  { name: 'int4', qmin: -8, qmax: 7 },
  { name: 'int3', qmin: -4, qmax: 3 },
  { name: 'int2', qmin: -2, qmax: 1 },
] as const

/** More than one chunk in all; the last two have blocks that are longer than a chunk. */
const LARGE_SHAPES = [
  { blocks: 2100, blockLength: 32, cols: 1600 },
  { blocks: 15, blockLength: 4865, cols: 4865 },
  { blocks: 66000, blockLength: 1, cols: 66000 },
  { blocks: 1, blockLength: 69003, cols: 23001 },
  { blocks: 2, blockLength: 65540, cols: 65540 },
] as const

/** What every implementation of the kernels does. */
export function kernelContract(name: string, kernels: Kernels): void {
  describe(`${name} kernels`, () => {
    convertContract(kernels)
    packContract(kernels)
    scaleContract(kernels)
    codeContract(kernels)
    searchContract(kernels)
  })
}

function convertContract(kernels: Kernels): void {
  test('all 65,536 halves and bfloat16 values widen as the reference does, at every length', () => {
    for (const length of [...SHORT_LENGTHS, 65536]) {
      const bits = Uint16Array.from({ length }, (_, i) => (length < 71 ? i * 937 + length : i))
      for (const widen of ['halfToFloat', 'bfloat16ToFloat'] as const) {
        const out = new Float32Array(length)
        const expected = new Float32Array(length)
        kernels[widen](out, bits)
        scalarKernels[widen](expected, bits)
        expect(firstDifference(out, expected)).toBe(-1)
      }
    }
  })

  test('float32 narrows to half as the reference does, at every length', () => {
    for (const length of [...SHORT_LENGTHS, ...LONG_LENGTHS]) {
      for (const x of [seededBits(length, length), seededWeights(length, length)]) {
        const out = new Uint16Array(length)
        const expected = new Uint16Array(length)
        kernels.floatToHalf(out, x)
        scalarKernels.floatToHalf(expected, x)
        expect(firstDifference(out, expected)).toBe(-1)
      }
    }
  })

  test('float32 around every half and every tie narrows as the reference does', () => {
    const bits = Uint16Array.from({ length: 0x7c00 }, (_, i) => i)
    const halves = new Float32Array(bits.length)
    scalarKernels.halfToFloat(halves, bits)
    const words = new Uint32Array(halves.buffer)
    for (const offset of [-1, 0, 1, 0xfff, 0x1000, 0x1001]) {
      const x = new Float32Array(Uint32Array.from(words, (word) => word + offset).buffer)
      const out = new Uint16Array(x.length)
      const expected = new Uint16Array(x.length)
      kernels.floatToHalf(out, x)
      scalarKernels.floatToHalf(expected, x)
      expect(firstDifference(out, expected)).toBe(-1)
    }
  })
}

function packContract(kernels: Kernels): void {
  // By hand from https://onnx.ai/onnx/technical/int4.html: the first of two in the low nibble.
  test.for([
    { codes: [1, 2, -1], offset: 0, bytes: [0x21, 0x0f] },
    { codes: [-8, 7], offset: 0, bytes: [0x78] },
    { codes: [-8, 7, 0], offset: 8, bytes: [0xf0, 0x08] },
    { codes: [], offset: 8, bytes: [] },
  ] as const)('packNibbles of $codes with offset $offset', ({ codes, offset, bytes }) => {
    const out = new Uint8Array(bytes.length)
    kernels.packNibbles(out, Int8Array.from(codes), offset)
    expect([...out]).toEqual(bytes)
  })

  test('packed codes come back, and equal the reference, at every length', () => {
    for (const length of [...SHORT_LENGTHS, ...LONG_LENGTHS]) {
      const codes = Int8Array.from({ length }, (_, i) => ((i * 7 + (i >> 4)) & 15) - 8)
      for (const offset of [0, 8] as const) {
        const packed = new Uint8Array((length + 1) >> 1)
        const expected = new Uint8Array(packed.length)
        kernels.packNibbles(packed, codes, offset)
        scalarKernels.packNibbles(expected, codes, offset)
        expect(firstDifference(packed, expected)).toBe(-1)
        const back = new Int8Array(length)
        kernels.unpackNibbles(back, packed, offset)
        expect(firstDifference(back, codes)).toBe(-1)
      }
    }
  })

  test('offsetBytes moves -128 to 0 and 127 to 255', () => {
    const out = new Uint8Array(4)
    kernels.offsetBytes(out, Int8Array.of(-128, -1, 0, 127))
    expect([...out]).toEqual([0, 127, 128, 255])
  })
}

function scaleContract(kernels: Kernels): void {
  // By hand: the smaller of max(max / qmax, min / qmin) and -max(-min / qmax, max / -qmin).
  test.for([
    { name: 'both ends fit exactly', x: [7, -8], range: RANGES[1], scale: 1 },
    { name: 'the negative end has one code more', x: [3.5, -8], range: RANGES[1], scale: 1 },
    { name: 'a larger positive end gets the code -8', x: [8, -7], range: RANGES[1], scale: -1 },
    {
      name: 'a negative scale must cover the other end',
      x: [8, -7.875],
      range: RANGES[1],
      scale: -1.125,
    },
    { name: 'of equals the positive scale stays', x: [-14, 14], range: RANGES[1], scale: 2 },
    { name: 'int3 is mirrored', x: [-1, 8], range: RANGES[2], scale: -2 },
    { name: 'int2 is mirrored', x: [-1, 4], range: RANGES[3], scale: -2 },
    { name: 'int8 leaves out -128', x: [-254, 1], range: RANGES[0], scale: 2 },
    { name: 'int8 is never mirrored', x: [254, -1], range: RANGES[0], scale: 2 },
    { name: 'an all-zero block gives 0', x: [0, -0], range: RANGES[1], scale: 0 },
    {
      name: 'values that are not finite do not count',
      x: [NaN, -Infinity, Infinity, 16],
      range: RANGES[1],
      scale: -2,
    },
    {
      name: 'no block but zero gives 0',
      x: [1e-45],
      range: RANGES[0],
      scale: 1.401298464324817e-45,
    },
  ])('symmetricScales: $name', ({ x, range, scale }) => {
    const out = new Float32Array(1)
    kernels.symmetricScales(out, Float32Array.from(x), { ...range, blockLength: x.length })
    expect(out[0]).toBe(scale)
  })

  test('a long block whose ends lie in different chunks gets the scale of the whole block', () => {
    for (const [low, high, scale] of [
      [-7, 8, -1],
      [-8, 7, 1],
    ] as const) {
      for (const [lowAt, highAt] of [
        [0, 70000],
        [70000, 0],
      ] as const) {
        const x = new Float32Array(70001)
        x[lowAt] = low
        x[highAt] = high
        const out = new Float32Array(1)
        kernels.symmetricScales(out, x, { ...RANGES[1], blockLength: x.length })
        expect(out[0]).toBe(scale)
      }
    }
  })

  test('symmetricScales equals the reference at every length', () => {
    for (const { x, spec } of [...blockCases(anyFloat), ...LARGE_CASES]) {
      const out = new Float32Array(x.length / spec.blockLength)
      const expected = new Float32Array(out.length)
      kernels.symmetricScales(out, x, spec)
      scalarKernels.symmetricScales(expected, x, spec)
      expect(firstDifference(out, expected)).toBe(-1)
    }
  })
}

function codeContract(kernels: Kernels): void {
  // By hand from the ONNX QuantizeLinear definition.
  test.for([
    {
      name: 'ties go to even',
      x: [0.5, 1.5, 2.5, -0.5, -1.5],
      scale: 1,
      zero: 0,
      q: [0, 2, 2, 0, -2],
    },
    {
      name: 'the ends of the range hold',
      x: [7.4, 9, -8.4, -1e30],
      scale: 1,
      zero: 0,
      q: [7, 7, -8, -8],
    },
    {
      name: 'NaN is 0, infinity is an end',
      x: [NaN, Infinity, -Infinity],
      scale: 2,
      zero: 0,
      q: [0, 7, -8],
    },
    {
      name: 'the zero point moves the codes',
      x: [0, 1, -3, NaN, 99],
      scale: 0.5,
      zero: -2,
      q: [-2, 0, -8, -2, 7],
    },
    { name: 'ties are broken before the zero point', x: [0.5, 1.5], scale: 1, zero: 1, q: [1, 3] },
    {
      name: 'a negative scale mirrors the block, ties and ends',
      x: [8, 0.5, 1.5, -7, -99, Infinity, -Infinity, NaN],
      scale: -1,
      zero: 0,
      q: [-8, 0, -2, 7, 7, -8, 7, 0],
    },
  ])('encodeBlocks: $name', ({ x, scale, zero, q }) => {
    const codes = new Int8Array(x.length)
    const spec = { qmin: -8, qmax: 7, blockLength: x.length }
    kernels.encodeBlocks(
      codes,
      Float32Array.from(x),
      Float32Array.of(scale),
      Int8Array.of(zero),
      spec,
    )
    expect([...codes]).toEqual(q)
  })

  test('encodeBlocks equals the reference at every length, symmetric and not', () => {
    for (const { x, spec } of [...blockCases(anyFloat), ...LARGE_CASES]) {
      const blocks = x.length / spec.blockLength
      const scale = Float32Array.from(
        { length: blocks },
        (_, i) => (i % 5 < 3 ? 0.7 : -0.7) * 2 ** -((i % 9) * 3),
      )
      const zero = Int8Array.from({ length: blocks }, (_, i) =>
        i % 2 === 0 ? spec.qmin : spec.qmax,
      )
      for (const zeroPoint of [undefined, zero]) {
        const codes = new Int8Array(x.length)
        const expected = new Int8Array(x.length)
        kernels.encodeBlocks(codes, x, scale, zeroPoint, spec)
        scalarKernels.encodeBlocks(expected, x, scale, zeroPoint, spec)
        expect(firstDifference(codes, expected)).toBe(-1)
      }
    }
  })

  test.for(['float16', 'float32'] as const)('decodeBlocks equals the reference, %s', (dtype) => {
    for (const { x, spec } of [...blockCases(anyFloat), ...LARGE_CASES]) {
      const { codes, scale: scales, zeroPoint: zero } = anyCodes(x.length, spec.blockLength)
      for (const [scale, zeroPoint] of [
        [scales.odd, undefined],
        [scales.odd, zero],
        [scales.half, zero],
      ] as const) {
        const out = new Float32Array(x.length)
        const expected = new Float32Array(x.length)
        const decodeSpec = { blockLength: spec.blockLength, dtype }
        kernels.decodeBlocks(out, codes, scale, zeroPoint, decodeSpec)
        scalarKernels.decodeBlocks(expected, codes, scale, zeroPoint, decodeSpec)
        expect(firstDifference(out, expected)).toBe(-1)
      }
    }
  })

  test.for(['float16', 'float32'] as const)('codeErrors equals the reference, %s', (dtype) => {
    for (const { x, spec } of [...blockCases(anyFloat), ...LARGE_CASES]) {
      const { codes, scale, zeroPoint } = anyCodes(x.length, spec.blockLength)
      for (const scales of [scale.odd, scale.half]) {
        for (const zeros of [undefined, zeroPoint]) {
          const decoded = { blockLength: spec.blockLength, dtype }
          expect(kernels.codeErrors(x, codes, scales, zeros, decoded)).toEqual(
            scalarKernels.codeErrors(x, codes, scales, zeros, decoded),
          )
        }
      }
    }
  })

  test('codeErrors are the errors of what codes decode to', () => {
    fc.assert(
      fc.property(fc.array(anyFloat, { maxLength: 100 }), (list) => {
        const x = Float32Array.from(list)
        const blockLength = Math.max(1, x.length)
        const { codes, scale, zeroPoint } = anyCodes(x.length, blockLength)
        const spec = { blockLength, dtype: 'float16' } as const
        const back = new Float32Array(x.length)
        scalarKernels.decodeBlocks(back, codes, scale.half, zeroPoint, spec)
        expect(kernels.codeErrors(x, codes, scale.half, zeroPoint, spec)).toEqual(
          scalarKernels.errorSums(x, back),
        )
      }),
    )
  })

  test('a value inside the range comes back within half a step', () => {
    const values = fc.array(weightFloat, { minLength: 1, maxLength: 70 })
    fc.assert(
      fc.property(values, fc.constantFrom(...RANGES), (list, range) => {
        const x = Float32Array.from(list)
        const spec = { ...range, blockLength: x.length }
        const scale = new Float32Array(1)
        kernels.symmetricScales(scale, x, spec)
        kernels.roundScales(scale, scale, 'float32')
        const codes = new Int8Array(x.length)
        kernels.encodeBlocks(codes, x, scale, undefined, spec)
        const back = new Float32Array(x.length)
        kernels.decodeBlocks(back, codes, scale, undefined, { ...spec, dtype: 'float32' })
        // 2^-20 for the roundings of the scale, the quotient and the product.
        const limit = Math.abs(scale[0] ?? 0) * (0.5 + 2 ** -20 * range.qmax)
        expect(kernels.errorSums(x, back).maxAbsError).toBeLessThanOrEqual(limit)
      }),
    )
  })
}

/** Codes of all sizes, zero points, and scales that are halves and that are not. */
function anyCodes(length: number, blockLength: number) {
  const blocks = length / blockLength
  const odd = Float32Array.from(
    { length: blocks },
    (_, i) => (i % 5 < 3 ? 0.7 : -0.7) / (1 + i * 31),
  )
  const half = new Float32Array(blocks)
  scalarKernels.roundScales(half, odd, 'float16')
  return {
    codes: Int8Array.from({ length }, (_, i) => (i * 37) % 256),
    scale: { odd, half },
    zeroPoint: Int8Array.from({ length: blocks }, (_, i) => (i * 91) % 256),
  }
}

function searchContract(kernels: Kernels): void {
  test.for(['float16', 'float32'] as const)(
    'the search equals the reference, %s scales',
    (dtype) => {
      for (const { x, spec } of blockCases(fc.oneof(weightFloat, anyFloat))) {
        const cols = Math.max(1, x.length)
        for (const importance of importances(cols)) {
          const search = { ...spec, cols, scaleDtype: dtype }
          expect(searchDifference(kernels, x, importance, search)).toBe(-1)
        }
      }
    },
  )

  test('the search equals the reference on blocks longer than a chunk and a segment', () => {
    for (const { blocks, blockLength, cols } of LARGE_SHAPES) {
      const x = seededWeights(blocks * blockLength, blockLength)
      x[x.length >> 1] = NaN
      const spec = { ...RANGES[1], blockLength, cols, scaleDtype: 'float16' } as const
      expect(searchDifference(kernels, x, importances(cols)[1], spec)).toBe(-1)
    }
  })

  test('the search leaves its inputs as they are', () => {
    const x = Float32Array.of(1, NaN, -Infinity, 3)
    const importance = Float32Array.of(0, 1, 2, 3)
    const spec = { ...RANGES[1], blockLength: 2, cols: 4, scaleDtype: 'float16' } as const
    kernels.mseScales(new Float32Array(2), undefined, x, importance, spec)
    expect([...x]).toEqual([1, NaN, -Infinity, 3])
    expect([...importance]).toEqual([0, 1, 2, 3])
  })
}

/** None, some of every size, and whole blocks of zeros. */
function importances(cols: number): readonly (Float32Array | undefined)[] {
  const some = Float32Array.from({ length: cols }, (_, i) => ((i >> 3) % 3) * 0.37 + (i % 5) / 7)
  return [undefined, some, some.map((value, i) => (i % 64 < 40 ? 0 : value))]
}

function searchDifference(
  kernels: Kernels,
  x: Float32Array,
  importance: Float32Array | undefined,
  spec: SearchSpec,
): number {
  const scale = new Float32Array(x.length / spec.blockLength)
  const expected = new Float32Array(scale.length)
  kernels.mseScales(scale, undefined, x, importance, spec)
  scalarKernels.mseScales(expected, undefined, x, importance, spec)
  return firstDifference(scale, expected)
}

type BlockCase = { readonly x: Float32Array; readonly spec: BlockSpec }

/** Weights in more than one chunk. */
const LARGE_CASES: readonly BlockCase[] = [RANGES[0], RANGES[1]].flatMap((range) =>
  LARGE_SHAPES.map(({ blocks, blockLength }) => ({
    x: seededWeights(blocks * blockLength, 7),
    spec: { ...range, blockLength },
  })),
)

/** Every short length as one block and as blocks of every length that divides it, in every range. */
function blockCases(value: fc.Arbitrary<number>): readonly BlockCase[] {
  const pool = Float32Array.from(fc.sample(value, { numRuns: 997, seed: 42 }))
  const cases: BlockCase[] = []
  for (const length of SHORT_LENGTHS) {
    for (const [index, range] of RANGES.entries()) {
      const x = Float32Array.from(
        { length },
        (_, i) => pool[(i + length * 13 + index * 7) % 997] ?? 0,
      )
      for (let blockLength = 1; blockLength <= Math.max(1, length); blockLength++) {
        if (length % blockLength === 0) cases.push({ x, spec: { ...range, blockLength } })
      }
    }
  }
  return cases
}
