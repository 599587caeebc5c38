import { describe, expect, test } from 'vitest'
import { parsePrecision, schemeFor } from '../../scheme/precision.ts'
import type { CoremlWeightFacts, SpecRange } from './form-types.ts'
import { coremlForm, coremlForms, specRange } from './forms.ts'

const IOS15: SpecRange = { lowest: 6, highest: 10 }
const IOS16: SpecRange = { lowest: 6, highest: 7 }
const IOS18: SpecRange = { lowest: 9, highest: 9 }

const CONV: CoremlWeightFacts = {
  shape: [64, 32, 3, 3],
  dtype: 'float16',
  outputAxis: 0,
  inputAxis: 1,
}

/** A MatMul whose weight is (inputs, outputs). */
const MATMUL: CoremlWeightFacts = { shape: [32, 64], dtype: 'float32', outputAxis: 1, inputAxis: 0 }

const MORE_TABLES = 'more than one table a weight (groups, or scales of channels)'

/** The form in words: operations, then each part as name, dtype, dimensions and bytes. */
function shown(weight: CoremlWeightFacts, precision: string, specs: SpecRange): readonly string[] {
  const { outputAxis, inputAxis, dtype } = weight
  const axes = { outputAxis, inputAxis, scaleDtype: dtype }
  const form = coremlForm(weight, schemeFor(parsePrecision(precision), axes), specs)
  if (form.kind === 'none') return [form.reason]
  const parts = form.parts.map(
    ({ name, dtype: stored, dims, bytes }) => `${name} ${stored} [${dims.join()}] ${bytes}`,
  )
  return [`${form.spec}: ${form.ops.join(' + ')}`, ...parts]
}

describe('forms of a convolution weight', () => {
  // Dtypes and dimensions as coremltools writes them; bytes by hand.
  test.for<readonly [string, SpecRange, readonly string[]]>([
    ['fp16', IOS15, ['6: const', 'data float16 [64,32,3,3] 36864']],
    [
      'int8',
      IOS15,
      [
        '7: constexpr_affine_dequantize',
        'data uint8 [64,32,3,3] 18432',
        'offset uint8 [64] 64',
        'scale float16 [64] 128',
      ],
    ],
    [
      'int8/tensor/asym',
      IOS15,
      [
        '7: constexpr_affine_dequantize',
        'data uint8 [64,32,3,3] 18432',
        'offset uint8 [] 1',
        'scale float16 [] 2',
      ],
    ],
    [
      'int8',
      IOS18,
      [
        '9: constexpr_blockwise_shift_scale',
        'data int8 [64,32,3,3] 18432',
        'scale float16 [64,1,1,1] 128',
      ],
    ],
    [
      'int8/16/asym',
      IOS15,
      [
        '9: constexpr_blockwise_shift_scale',
        'data uint8 [64,32,3,3] 18432',
        'scale float16 [64,2,1,1] 256',
        'offset uint8 [64,2,1,1] 128',
      ],
    ],
    // As many channels as there are: one block a row is a channel.
    [
      'int8/32',
      IOS16,
      [
        '7: constexpr_affine_dequantize',
        'data uint8 [64,32,3,3] 18432',
        'offset uint8 [64] 64',
        'scale float16 [64] 128',
      ],
    ],
    [
      'int4/16',
      IOS15,
      [
        '9: constexpr_blockwise_shift_scale',
        'data int4 [64,32,3,3] 9216',
        'scale float16 [64,2,1,1] 256',
      ],
    ],
    [
      'int4/tensor/asym',
      IOS15,
      [
        '9: constexpr_blockwise_shift_scale',
        'data uint4 [64,32,3,3] 9216',
        'scale float16 [1,1,1,1] 2',
        'offset uint4 [1,1,1,1] 1',
      ],
    ],
    [
      'palette4',
      IOS15,
      ['7: constexpr_lut_to_dense', 'indices uint8 [9216] 9216', 'table float16 [16] 32'],
    ],
    [
      'palette4',
      IOS18,
      [
        '9: constexpr_lut_to_dense',
        'indices uint4 [64,32,3,3] 9216',
        'table float16 [1,1,1,1,16,1] 32',
      ],
    ],
    [
      'palette3/g16',
      IOS15,
      [
        '9: constexpr_lut_to_dense',
        'indices uint3 [64,32,3,3] 6912',
        'table float16 [4,1,1,1,8,1] 64',
      ],
    ],
    [
      'palette2/g8x4',
      IOS15,
      [
        '9: constexpr_lut_to_dense',
        'indices uint2 [16,32,3,3] 1152',
        'table float16 [8,1,1,1,4,4] 256',
      ],
    ],
    [
      'palette4/int8',
      IOS15,
      [
        '9: constexpr_blockwise_shift_scale + constexpr_lut_to_dense',
        'indices uint4 [64,32,3,3] 9216',
        'table int8 [1,1,1,1,16,1] 16',
        'table scale float16 [1,1,1,1,1,1] 2',
      ],
    ],
    [
      'palette4/scale',
      IOS15,
      [
        '9: constexpr_lut_to_dense',
        'indices uint4 [64,32,3,3] 9216',
        'table float16 [64,1,1,1,16,1] 2048',
      ],
    ],
    [
      'palette4x2/int8/scale',
      IOS15,
      [
        '9: constexpr_blockwise_shift_scale + constexpr_lut_to_dense',
        'indices uint4 [32,32,3,3] 4608',
        'table int8 [32,1,1,1,16,2] 1024',
        'table scale float16 [32,1,1,1,1,2] 128',
      ],
    ],
    [
      'sparse50+fp16',
      IOS15,
      ['7: constexpr_sparse_to_dense', 'mask uint8 [2304] 2304', 'data float16 [] null'],
    ],
    [
      'sparse50+int8',
      IOS15,
      [
        '9: constexpr_sparse_blockwise_shift_scale + constexpr_sparse_to_dense',
        'mask uint1 [64,32,3,3] 2304',
        'data int8 [] null',
        'scale float16 [64,1,1,1] 128',
      ],
    ],
    [
      'sparse2:4+palette4/int8',
      IOS15,
      [
        '9: constexpr_blockwise_shift_scale + constexpr_lut_to_sparse + constexpr_sparse_to_dense',
        'mask uint1 [64,32,3,3] 2304',
        'indices uint4 [] null',
        'table int8 [1,1,1,1,16,1] 16',
        'table scale float16 [1,1,1,1,1,1] 2',
      ],
    ],
    ['int4/channel', IOS16, ['iOS 18 is the first system with 4-bit integers']],
    ['int4/16', IOS16, ['iOS 18 is the first system with 4-bit integers and blocks']],
    ['int8/16', IOS16, ['iOS 18 is the first system with blocks']],
    ['palette3', IOS16, ['iOS 18 is the first system with 3-bit indices']],
    ['palette4/g16', IOS16, [`iOS 18 is the first system with ${MORE_TABLES}`]],
    ['palette4/scale', IOS16, [`iOS 18 is the first system with ${MORE_TABLES}`]],
    ['palette4x2', IOS16, ['iOS 18 is the first system with tables of vectors']],
    ['palette3/int8', IOS16, ['iOS 18 is the first system with 3-bit indices and 8-bit tables']],
    ['sparse50+int8', IOS16, ['iOS 18 is the first system with sparse integers and palettes']],
    [
      'int8',
      { lowest: 6, highest: 6 },
      ['iOS 16 is the first system that reads constexpr_affine_dequantize'],
    ],
    ['int4/24', IOS15, ['blocks of 24 do not divide 32']],
    ['palette4/g48', IOS15, ['groups of 48 do not divide 64']],
    ['palette4/g2x4', IOS15, ['vectors of 4 do not divide 2 output channels']],
    ['int3', IOS15, ['Core ML has scales for 8 and 4 bits, not int3; a palette has fewer bits']],
    ['fp32', IOS15, ['its operators want float16, and float32 would only be cast to it']],
    ['sparse50+palette4x2', IOS15, ['a mask keeps single values, not vectors']],
  ])('%s', ([precision, specs, expected]) => {
    expect(shown(CONV, precision, specs)).toEqual(expected)
  })
})

describe('forms of a matrix of (inputs, outputs) in float32', () => {
  test.for<readonly [string, SpecRange, readonly string[]]>([
    ['fp16', IOS15, ['7: constexpr_cast', 'data float16 [32,64] 4096']],
    ['fp32', IOS15, ['6: const', 'data float32 [32,64] 8192']],
    [
      'int8',
      IOS15,
      [
        '7: constexpr_affine_dequantize',
        'data uint8 [32,64] 2048',
        'offset uint8 [64] 64',
        'scale float32 [64] 256',
      ],
    ],
    [
      'int4/8',
      IOS15,
      ['9: constexpr_blockwise_shift_scale', 'data int4 [32,64] 1024', 'scale float32 [4,64] 1024'],
    ],
    [
      'palette2/g32',
      IOS15,
      ['9: constexpr_lut_to_dense', 'indices uint2 [32,64] 512', 'table float32 [1,2,4,1] 32'],
    ],
  ])('%s', ([precision, specs, expected]) => {
    expect(shown(MATMUL, precision, specs)).toEqual(expected)
  })
})

test('vectors stay in the dtype of their operators', () => {
  const vector = { ...CONV, shape: [64] }
  expect(shown(vector, 'int8/tensor', IOS15)).toEqual(['Core ML keeps vectors as floats'])
  expect(shown({ ...vector, dtype: 'float32' }, 'fp16', IOS15)).toEqual([
    'Core ML keeps vectors in the dtype of their operators',
  ])
})

test('one weight that needs iOS 18 puts all of the package into operations of iOS 18', () => {
  const axes = { outputAxis: 0, inputAxis: 1 }
  const layers = ['int8', 'palette4', 'fp16'].map((name) => ({
    weight: CONV,
    scheme: schemeFor(parsePrecision(name), axes),
  }))
  const specs = { lowest: 7, highest: 10 }
  const stylesOf = (all: typeof layers): readonly string[] =>
    coremlForms(all, specs).map((form) => (form.kind === 'none' ? 'none' : form.style))
  expect(stylesOf(layers)).toEqual(['attributes', 'attributes', 'plain'])
  const more = { weight: CONV, scheme: schemeFor(parsePrecision('int4/16'), axes) }
  expect(stylesOf([...layers, more])).toEqual(['inputs', 'inputs', 'plain', 'inputs'])
})

test.for([
  [7, null, 10, { lowest: 7, highest: 10 }],
  [5, null, 10, { lowest: 6, highest: 10 }],
  [7, 'coreml-ios16', 10, { lowest: 7, highest: 7 }],
  [6, 'coreml-ios17', 10, { lowest: 6, highest: 8 }],
  [7, 'coreml-ios18', 10, { lowest: 9, highest: 9 }],
  // A version is never lowered.
  [9, 'coreml-ios16', 10, { lowest: 9, highest: 9 }],
  // Nor raised where the program stands in the way.
  [6, 'coreml-ios18', 7, { lowest: 6, highest: 7 }],
  [6, null, 7, { lowest: 6, highest: 7 }],
] as const)('versions from %d for %s, at most %d', ([spec, target, reachable, expected]) => {
  expect(specRange(spec, target, reachable)).toEqual(expected)
})

test('how much a sparse weight can take at most follows from its pattern', () => {
  const most = (precision: string): number => {
    const scheme = schemeFor(parsePrecision(precision), { outputAxis: 0, inputAxis: 1 })
    const form = coremlForm({ ...CONV, shape: [8, 10] }, scheme, IOS15)
    if (form.kind === 'none') throw new TypeError(form.reason)
    return form.parts.reduce((sum, { mostBytes }) => sum + mostBytes, 0)
  }
  // 80 values: a mask of 10 bytes and at most so many halves.
  expect(most('sparse75+fp16')).toBe(10 + 20 * 2)
  // Ten inputs: two of each four, and two of the last two.
  expect(most('sparse2:4+fp16')).toBe(10 + 8 * 6 * 2)
  expect(most('sparse@0.1+fp16')).toBe(10 + 80 * 2)
})
