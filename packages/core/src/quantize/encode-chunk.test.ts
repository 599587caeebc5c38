import { describe, expect, test } from 'vitest'

import { scalarKernels } from '../kernels/scalar.ts'
import type { ValueChunk } from '../kernels/value-chunk.ts'
import type { AffineScheme } from '../scheme/scheme.ts'
import type { ChunkTarget, EncodedChunk } from './encode-chunk.ts'
import { encodeChunk } from './encode-chunk.ts'

function chunkOf(rows: number, values: readonly number[]): ValueChunk {
  const columns = values.length / rows
  return { rows, columns, dtype: 'float32', stored: null, values: Float32Array.from(values) }
}

const SCHEME: AffineScheme = {
  kind: 'affine',
  dtype: 'int4',
  symmetric: true,
  granularity: { kind: 'per-block', axis: 1, blockSize: 2 },
  scaleDtype: 'float16',
}

type AffineTarget = Extract<ChunkTarget, { kind: 'affine' }>

function encode(chunk: ValueChunk, target: Partial<AffineTarget> = {}): EncodedChunk {
  return encodeChunk(scalarKernels, {
    chunk,
    target: {
      kind: 'affine',
      scheme: SCHEME,
      algorithm: 'round',
      blockLength: 2,
      packing: 'int4',
      decodeDtype: 'float32',
      importance: null,
      ...target,
    },
    histogramRange: null,
  })
}

/** Little-endian half-precision bits. */
const HALF_ONE = [0x00, 0x3c]
const HALF_TWO = [0x00, 0x40]

describe('codes and scales, byte by byte', () => {
  // Largest values 7 and 14: scales 1 and 2.
  const chunk = chunkOf(2, [7, -7, 3, 14])

  test.for([
    { packing: 'int4', codes: [0x97, 0x72] },
    // 8 is added: 15 1 10 15.
    { packing: 'uint4', codes: [0x1f, 0xfa] },
  ] as const)('$packing: the first code lies in the low half', ({ packing, codes }) => {
    const found = encode(chunk, { packing })
    // 3 / 2 = 1.5 rounds to the even 2.
    expect([...found.codes]).toEqual(codes)
    expect([...found.scale]).toEqual([...HALF_ONE, ...HALF_TWO])
    expect(found.error).toEqual({ squaredError: 1, squaredSignal: 303, maxAbsError: 1 })
  })

  test.for([
    { packing: 'int8', codes: [127, 0x81, 64, 0] },
    { packing: 'uint8', codes: [255, 1, 192, 128] },
  ] as const)('$packing: one a byte', ({ packing, codes }) => {
    const scheme = { ...SCHEME, dtype: 'int8' } as const
    const found = encode(chunkOf(1, [127, -127, 64, 0]), { scheme, packing, blockLength: 4 })
    expect([...found.codes]).toEqual(codes)
  })

  // Largest values 1 and -2: scales 1 and 2, codes -1 to 1; 2 is added in the unsigned form.
  test.for([
    { packing: 'int2', codes: [0b00_01_11_01, 0b11_00] },
    { packing: 'uint2', codes: [0b10_11_01_11, 0b01_10] },
  ] as const)('$packing: the first of four lies in the lowest bits', ({ packing, codes }) => {
    const scheme = { ...SCHEME, dtype: 'int2' } as const
    const found = encode(chunkOf(2, [1, -1, 1, 0, 0, -2]), { scheme, packing, blockLength: 3 })
    expect([...found.codes]).toEqual(codes)
    expect([...found.scale]).toEqual([...HALF_ONE, ...HALF_TWO])
  })

  test('fp32 scales take four bytes each', () => {
    const scheme = { ...SCHEME, scaleDtype: 'float32' } as const
    const scale = encode(chunk, { scheme }).scale
    expect([...new Float32Array(scale.slice().buffer)]).toEqual([1, 2])
  })
})

describe('zero points', () => {
  const scheme = { ...SCHEME, symmetric: false } as const
  // Each block spans 0 to 15: scale 1, and 0.0 is code -8.
  const chunk = chunkOf(2, [0, 15, 0, 15, 0, 15, 0, 15, 0, 15, 0, 15])

  test('of block kernels start a byte with each row', () => {
    // Three blocks a row: 0 0, 0 and half a byte of nothing.
    expect([...encode(chunk, { scheme, packing: 'uint4' }).zeroPoint]).toEqual([0, 0, 0, 0])
    const shifted = chunkOf(2, [-1, 14, -1, 14, -1, 14, -1, 14, -1, 14, -1, 14])
    expect([...encode(shifted, { scheme, packing: 'uint4' }).zeroPoint]).toEqual([
      0x11, 0x01, 0x11, 0x01,
    ])
  })

  test('of block kernels in 2 bits are four to a byte of their row', () => {
    const two = { scheme: { ...scheme, dtype: 'int2' }, packing: 'uint2' } as const
    // Five blocks a row of two values from -1 to 2: scale 1, and 0.0 is code -1, stored as 1.
    const rows = chunkOf(
      2,
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? -1 : 2)),
    )
    expect([...encode(rows, two).zeroPoint]).toEqual([0b01_01_01_01, 0b01, 0b01_01_01_01, 0b01])
  })

  test('of DequantizeLinear follow each other', () => {
    expect([...encode(chunk, { scheme }).zeroPoint]).toEqual([0x88, 0x88, 0x88])
  })
})

describe('floats', () => {
  const float = (dtype: 'float32' | 'float16' | 'bfloat16', chunk: ValueChunk): EncodedChunk =>
    encodeChunk(scalarKernels, { chunk, target: { kind: 'float', dtype }, histogramRange: null })

  test('that are stored in the same dtype keep their bytes, NaN payloads too', () => {
    const stored = Uint8Array.of(0x01, 0x7e, 0x00, 0x3c)
    const chunk: ValueChunk = { rows: 1, columns: 2, dtype: 'float16', stored, values: null }
    expect([...float('float16', chunk).codes]).toEqual([...stored])
  })

  test.for([
    { dtype: 'float16', codes: [0x00, 0x3c, 0x55, 0x35], error: 1 / 3 - 0.333251953125 },
    { dtype: 'bfloat16', codes: [0x80, 0x3f, 0xab, 0x3e], error: 0.333984375 - 1 / 3 },
  ] as const)('$dtype is rounded, and its error measured', ({ dtype, codes, error }) => {
    const found = float(dtype, chunkOf(1, [1, 1 / 3]))
    expect([...found.codes]).toEqual(codes)
    expect(found.error.maxAbsError).toBeCloseTo(error, 7)
  })

  test('fp32 loses nothing', () => {
    const { codes, error } = float('float32', chunkOf(1, [1, 1 / 3]))
    expect([...new Float32Array(codes.slice().buffer)]).toEqual([1, Math.fround(1 / 3)])
    expect(error.maxAbsError).toBe(0)
  })
})

test('the histogram is over the range of the whole weight', () => {
  const { histogram } = encodeChunk(scalarKernels, {
    chunk: chunkOf(1, [0, 0, 32, 63.5]),
    target: { kind: 'float', dtype: 'float32' },
    histogramRange: { min: 0, max: 64 },
  })
  const filled = [...histogram].flatMap((count, bin) => (count > 0 ? [[bin, count]] : []))
  expect(filled).toEqual([
    [0, 2],
    [32, 1],
    [63, 1],
  ])
})
