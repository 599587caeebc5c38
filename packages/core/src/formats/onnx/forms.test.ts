import { describe, expect, test } from 'vitest'

import type { AffineScheme, Granularity, IntegerType } from '../../scheme/scheme.ts'
import { storedBytes } from '../part-bytes.ts'
import { bytesByPart, formFor, onnxForm } from './forms.ts'

const tensor: Granularity = { kind: 'per-tensor' }
const channel: Granularity = { kind: 'per-channel', axis: 0 }
const block = (blockSize: number): Granularity => ({ kind: 'per-block', axis: 1, blockSize })

function scheme(
  dtype: IntegerType,
  granularity: Granularity,
  symmetry: 'sym' | 'asym' = 'sym',
  scaleDtype: AffineScheme['scaleDtype'] = 'float16',
): AffineScheme {
  return { kind: 'affine', dtype, symmetric: symmetry === 'sym', granularity, scaleDtype }
}

/** Dims, dtype and bytes of each part, worked out by hand from the operators' documentation. */
describe('DequantizeLinear: signed codes in the shape of the weight', () => {
  test.for([
    {
      what: 'conv by channel',
      role: 'conv',
      shape: [8, 6, 3, 3],
      scheme: scheme('int8', channel),
      codes: { dtype: 'int8', dims: [8, 6, 3, 3], bytes: 432 },
      scale: { dtype: 'float16', dims: [8], bytes: 16 },
      zeroPoint: null,
      blockLength: 54,
    },
    {
      what: 'conv by tensor has a scalar scale',
      role: 'conv',
      shape: [8, 6, 3, 3],
      scheme: scheme('int8', tensor, 'asym', 'float32'),
      codes: { dtype: 'int8', dims: [8, 6, 3, 3], bytes: 432 },
      scale: { dtype: 'float32', dims: [], bytes: 4 },
      zeroPoint: { dtype: 'int8', dims: [], bytes: 1 },
      blockLength: 432,
    },
    {
      // ONNX has blocks on one axis: the kernel joins the channels in a table of 8 rows.
      what: 'conv by block of a 3x3 kernel',
      role: 'conv',
      shape: [8, 6, 3, 3],
      scheme: scheme('int4', block(2), 'asym'),
      codes: { dtype: 'int4', dims: [8, 54], bytes: 216 },
      scale: { dtype: 'float16', dims: [8, 3], bytes: 48 },
      zeroPoint: { dtype: 'int4', dims: [8, 3], bytes: 12 },
      blockLength: 18,
    },
    {
      what: 'conv by block of a 1x1 kernel',
      role: 'conv',
      shape: [8, 6, 1, 1],
      scheme: scheme('int4', block(2)),
      codes: { dtype: 'int4', dims: [8, 6, 1, 1], bytes: 24 },
      scale: { dtype: 'float16', dims: [8, 3, 1, 1], bytes: 48 },
      zeroPoint: null,
      blockLength: 2,
    },
    {
      // 5 x 9 = 45 codes of 4 bits fill 22.5 bytes; 5 zero points fill 2.5.
      what: 'depthwise of an odd number of 4-bit codes',
      role: 'depthwise-conv',
      shape: [5, 1, 3, 3],
      scheme: scheme('int4', channel, 'asym'),
      codes: { dtype: 'int4', dims: [5, 1, 3, 3], bytes: 23 },
      scale: { dtype: 'float16', dims: [5], bytes: 10 },
      zeroPoint: { dtype: 'int4', dims: [5], bytes: 3 },
      blockLength: 9,
    },
    {
      // 4 x 15 = 60 codes of 2 bits fill 15 bytes; 4 zero points fill one.
      what: '2 bits by channel',
      role: 'conv',
      shape: [4, 5, 3, 1],
      scheme: scheme('int2', channel, 'asym'),
      codes: { dtype: 'int2', dims: [4, 5, 3, 1], bytes: 15 },
      scale: { dtype: 'float16', dims: [4], bytes: 8 },
      zeroPoint: { dtype: 'int2', dims: [4], bytes: 1 },
      blockLength: 15,
    },
    {
      what: '2 bits by block of a 3x3 kernel',
      role: 'conv',
      shape: [3, 2, 3, 3],
      scheme: scheme('int2', block(1)),
      codes: { dtype: 'int2', dims: [3, 18], bytes: 14 },
      scale: { dtype: 'float16', dims: [3, 2], bytes: 12 },
      zeroPoint: null,
      blockLength: 9,
    },
    {
      what: 'linear by channel',
      role: 'linear',
      shape: [10, 7],
      scheme: scheme('int8', channel, 'asym', 'float32'),
      codes: { dtype: 'int8', dims: [10, 7], bytes: 70 },
      scale: { dtype: 'float32', dims: [10], bytes: 40 },
      zeroPoint: { dtype: 'int8', dims: [10], bytes: 10 },
      blockLength: 7,
    },
    {
      what: 'linear in blocks that no kernel has',
      role: 'linear',
      shape: [10, 24],
      scheme: scheme('int4', block(12)),
      codes: { dtype: 'int4', dims: [10, 24], bytes: 120 },
      scale: { dtype: 'float16', dims: [10, 2], bytes: 40 },
      zeroPoint: null,
      blockLength: 12,
    },
  ] as const)('$what', ({ role, shape, scheme, codes, scale, zeroPoint, blockLength }) => {
    expect(onnxForm(role, shape, scheme)).toEqual({
      kind: 'affine',
      name: 'DequantizeLinear',
      scheme,
      blockLength,
      packing: codes.dtype,
      // DequantizeLinear gives the dtype of its scale.
      decodeDtype: scheme.scaleDtype,
      codes,
      scale,
      zeroPoint,
    })
  })
})

describe("ONNX Runtime's own DequantizeLinear: a row of codes for each scale", () => {
  test.for([
    {
      what: 'by channel',
      shape: [8, 6, 3, 3],
      scheme: scheme('int8', channel, 'asym', 'float32'),
      codes: { dtype: 'int8', dims: [8, 6, 3, 3], bytes: 432 },
      scale: { dtype: 'float32', dims: [8], bytes: 32 },
      zeroPoint: { dtype: 'int8', dims: [8], bytes: 8 },
    },
    {
      what: 'by tensor',
      shape: [8, 6],
      scheme: scheme('int4', tensor, 'sym', 'float32'),
      codes: { dtype: 'int4', dims: [8, 6], bytes: 24 },
      scale: { dtype: 'float32', dims: [], bytes: 4 },
      zeroPoint: null,
    },
    {
      // 3 blocks of 2 channels for each of 8 outputs, 18 values each.
      what: 'by block of a 3x3 kernel',
      shape: [8, 6, 3, 3],
      scheme: scheme('int4', block(2), 'asym', 'float32'),
      codes: { dtype: 'int4', dims: [24, 18], bytes: 216 },
      scale: { dtype: 'float32', dims: [24], bytes: 96 },
      zeroPoint: { dtype: 'int4', dims: [24], bytes: 12 },
    },
  ] as const)('$what', ({ shape, scheme, codes, scale, zeroPoint }) => {
    expect(onnxForm('conv', shape, scheme, 'com.microsoft')).toMatchObject({
      name: 'com.microsoft.DequantizeLinear',
      packing: codes.dtype,
      codes,
      scale,
      zeroPoint,
    })
  })

  test.for([scheme('int8', channel), scheme('int2', channel, 'sym', 'float32')])(
    'has no form for $dtype with $scaleDtype scales',
    (wanted) => {
      expect(onnxForm('conv', [8, 6, 3, 3], wanted, 'com.microsoft')).toEqual({
        kind: 'none',
        reason: expect.stringMatching(/8 and 4 bits with fp32 scales/u),
      })
    },
  )
})

test('one block of all channels needs neither a table nor blocks', () => {
  const whole = onnxForm('conv', [8, 6, 3, 3], scheme('int4', block(6)))
  expect(whole).toEqual(onnxForm('conv', [8, 6, 3, 3], scheme('int4', channel)))
})

describe('block kernels: unsigned codes', () => {
  test.for([
    {
      // [N, blocks of a row, bytes of a block]: 48 / 16 = 3 blocks of 8 bytes.
      what: 'MatMulNBits of 4 bits',
      role: 'linear',
      shape: [10, 48],
      scheme: scheme('int4', block(16), 'asym'),
      name: 'MatMulNBits',
      codes: { dtype: 'uint8', dims: [10, 3, 8], bytes: 240 },
      scale: { dtype: 'float16', dims: [10, 3], bytes: 60 },
      // Three 4-bit zero points of a row take two bytes.
      zeroPoint: { dtype: 'uint8', dims: [10, 2], bytes: 20 },
    },
    {
      what: 'MatMulNBits of 8 bits',
      role: 'linear',
      shape: [10, 64],
      scheme: scheme('int8', block(32), 'asym', 'float32'),
      name: 'MatMulNBits',
      codes: { dtype: 'uint8', dims: [10, 2, 32], bytes: 640 },
      scale: { dtype: 'float32', dims: [10, 2], bytes: 80 },
      zeroPoint: { dtype: 'uint8', dims: [10, 2], bytes: 20 },
    },
    {
      // 80 / 16 = 5 blocks of 4 bytes; five 2-bit zero points of a row take two bytes.
      what: 'MatMulNBits of 2 bits',
      role: 'linear',
      shape: [10, 80],
      scheme: scheme('int2', block(16), 'asym'),
      name: 'MatMulNBits',
      codes: { dtype: 'uint8', dims: [10, 5, 4], bytes: 200 },
      scale: { dtype: 'float16', dims: [10, 5], bytes: 100 },
      zeroPoint: { dtype: 'uint8', dims: [10, 2], bytes: 20 },
    },
    {
      what: 'GatherBlockQuantized of 2 bits',
      role: 'embedding',
      shape: [10, 64],
      scheme: scheme('int2', block(32)),
      name: 'GatherBlockQuantized',
      codes: { dtype: 'uint8', dims: [10, 16], bytes: 160 },
      scale: { dtype: 'float16', dims: [10, 2], bytes: 40 },
      zeroPoint: null,
    },
    {
      what: 'GatherBlockQuantized',
      role: 'embedding',
      shape: [10, 64],
      scheme: scheme('int4', block(32)),
      name: 'GatherBlockQuantized',
      codes: { dtype: 'uint8', dims: [10, 32], bytes: 320 },
      scale: { dtype: 'float16', dims: [10, 2], bytes: 40 },
      zeroPoint: null,
    },
    {
      what: 'a table that is also the head',
      role: 'tied-embedding',
      shape: [10, 64],
      scheme: scheme('int8', block(64)),
      name: 'GatherBlockQuantized + MatMulNBits',
      codes: { dtype: 'uint8', dims: [10, 64], bytes: 640 },
      scale: { dtype: 'float16', dims: [10, 1], bytes: 20 },
      zeroPoint: null,
    },
  ] as const)('$what', ({ role, shape, scheme, name, codes, scale, zeroPoint }) => {
    expect(onnxForm(role, shape, scheme)).toMatchObject({
      name,
      packing: `u${scheme.dtype}`,
      // The kernels compute in float32, whatever the scales are stored in.
      decodeDtype: 'float32',
      codes,
      scale,
      zeroPoint,
    })
  })
})

describe('tables without kernel blocks decode the rows in use', () => {
  test.for([
    { granularity: channel, scale: [10, 1] },
    { granularity: tensor, scale: [1, 1] },
  ])('$granularity.kind', ({ granularity, scale }) => {
    expect(onnxForm('embedding', [10, 5], scheme('int8', granularity, 'asym'))).toMatchObject({
      name: 'Gather + Mul',
      decodeDtype: 'float32',
      codes: { dtype: 'int8', dims: [10, 5], bytes: 50 },
      scale: { dims: scale },
      zeroPoint: { dtype: 'int8', dims: scale },
    })
  })
})

test.for([
  { dtype: 'float32', name: 'initializer', bytes: 60 },
  { dtype: 'float16', name: 'initializer + Cast', bytes: 30 },
  { dtype: 'bfloat16', name: 'initializer + Cast', bytes: 30 },
] as const)('$dtype is stored as $name', ({ dtype, name, bytes }) => {
  expect(onnxForm('other', [3, 5], { kind: 'float', dtype })).toEqual({
    kind: 'float',
    name,
    dtype,
    codes: { dtype, dims: [3, 5], bytes },
  })
})

describe('what has no form says why', () => {
  test.for([
    { role: 'linear', scheme: scheme('int3', channel), reason: /8, 4 or 2 bits, not int3/ },
    { role: 'linear', scheme: scheme('int4', block(5)), reason: /blocks of 5 do not divide 64/ },
    { role: 'vector', scheme: scheme('int8', channel), reason: /no operator/ },
    { role: 'other', scheme: scheme('int8', tensor), reason: /no operator/ },
    { role: 'tied-embedding', scheme: scheme('int8', channel), reason: /blocks of 16 to 256/ },
    { role: 'tied-embedding', scheme: scheme('int8', block(8)), reason: /blocks of 16 to 256/ },
    { role: 'embedding', scheme: scheme('int4', channel), reason: /blocks of 16 to 256/ },
    { role: 'embedding', scheme: scheme('int8', block(8)), reason: /blocks of 16 to 256/ },
    {
      role: 'conv',
      scheme: scheme('int8', { kind: 'per-channel', axis: 1 }),
      reason: /output channels \(axis 0\)/,
    },
    {
      role: 'conv',
      scheme: scheme('int8', { kind: 'per-block', axis: 0, blockSize: 8 }),
      reason: /input channels \(1\)/,
    },
    {
      role: 'linear',
      scheme: {
        kind: 'palette',
        bits: 4,
        granularity: tensor,
        vectorSize: 1,
        table: 'float',
        channelScale: false,
      },
      reason: /lookup tables/,
    },
    {
      role: 'linear',
      scheme: {
        kind: 'sparse',
        pattern: { kind: 'fraction', zeros: 0.5 },
        values: { kind: 'float', dtype: 'float16' },
      },
      reason: /sparse/,
    },
  ] as const)('$role: $reason', ({ role, scheme, reason }) => {
    expect(onnxForm(role, [8, 64], scheme)).toEqual({
      kind: 'none',
      reason: expect.stringMatching(reason),
    })
  })

  test('as an error that names the layer, where a plan asks for it', () => {
    const layer = { layer: 'a.b', role: 'vector', shape: [8], scheme: scheme('int8', channel) }
    expect(() => formFor({ ...layer, role: 'vector' })).toThrow(
      expect.objectContaining({
        code: 'unsupported-scheme',
        facts: { layer: 'a.b', scheme: 'int8/channel' },
      }),
    )
  })
})

test('the bytes of layers are those of all their parts', () => {
  const form = onnxForm('linear', [10, 48], scheme('int4', block(16), 'asym'))
  if (form.kind === 'none') throw new TypeError('no form')
  expect(bytesByPart(form)).toEqual({ codes: 240, scales: 60, zeroPoints: 20 })
  expect(storedBytes([{ bytes: bytesByPart(form) }, { bytes: bytesByPart(form) }])).toBe(640)
})
