import { create } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'

import { parsePrecision, schemeFor } from '../../scheme/precision.ts'
import type { WeightRole } from '../../operators/weight-role.ts'
import { encodeWeight } from './encodings.ts'
import { onnxForm } from './forms.ts'
import type { ModelProto } from './generated/onnx_pb.ts'
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from './generated/onnx_pb.ts'
import { onnxNode } from './nodes.ts'

/** `Op(a, b) -> c`. */
type Call = readonly [op: string, inputs: string, output: string]

/** A model of these calls with one float initializer `w`. */
function modelOf(shape: readonly number[], calls: readonly Call[]): ModelProto {
  return create(ModelProtoSchema, {
    opsetImport: [{ domain: '', version: 21n }],
    graph: create(GraphProtoSchema, {
      node: calls.map(([op, inputs, output]) =>
        onnxNode({ op, name: output, inputs: inputs.split(' '), outputs: [output] }),
      ),
      initializer: [create(TensorProtoSchema, { name: 'w', dims: shape.map(BigInt), dataType: 1 })],
    }),
  })
}

/** The calls of a model after `w` was encoded, and its initializers with their dims. */
function encoded(
  role: WeightRole,
  shape: readonly number[],
  precision: string,
  calls: readonly Call[],
): { readonly calls: readonly string[]; readonly initializers: readonly string[] } {
  const scheme = schemeFor(parsePrecision(precision), { outputAxis: 0, inputAxis: 1 })
  const form = onnxForm(role, shape, scheme)
  if (form.kind === 'none') throw new TypeError(form.reason)
  const model = modelOf(shape, calls)
  encodeWeight(model, 'w', shape, form)
  return {
    calls: (model.graph?.node ?? []).map(
      ({ opType, input, output }) => `${opType}(${input.join(', ')}) -> ${output.join(', ')}`,
    ),
    initializers: (model.graph?.initializer ?? []).map(
      ({ name, dims }) => `${name} [${dims.join(', ')}]`,
    ),
  }
}

const LINEAR: readonly Call[] = [
  ['Transpose', 'w', 't'],
  ['MatMul', 'x t', 'y'],
]
const CONV: readonly Call[] = [['Conv', 'x w b', 'y']]
const GATHER: readonly Call[] = [['Gather', 'w ids', 'y']]

test.for([
  {
    what: 'a linear weight in kernel blocks replaces Transpose and MatMul',
    role: 'linear',
    shape: [6, 64],
    precision: 'int4/32/asym',
    before: LINEAR,
    calls: [
      'Cast(w_scale) -> w_scale_float',
      'MatMulNBits(x, w_quantized, w_scale_float, w_zero_point) -> y',
    ],
    initializers: ['w_quantized [6, 2, 16]', 'w_scale [6, 2]', 'w_zero_point [6, 1]'],
  },
  {
    what: 'a linear weight by channel is decoded before its Transpose',
    role: 'linear',
    shape: [6, 10],
    precision: 'int8',
    before: LINEAR,
    calls: [
      'DequantizeLinear(w_quantized, w_scale) -> w_dequantize',
      'Cast(w_dequantize) -> w',
      'Transpose(w) -> t',
      'MatMul(x, t) -> y',
    ],
    initializers: ['w_quantized [6, 10]', 'w_scale [6]'],
  },
  {
    what: 'a convolution in blocks of its kernel is a table that is reshaped',
    role: 'conv',
    shape: [4, 6, 3, 3],
    precision: 'int4/2',
    before: CONV,
    calls: [
      'DequantizeLinear(w_quantized, w_scale) -> w_dequantize',
      'Cast(w_dequantize) -> w_cast',
      'Reshape(w_cast, w_shape) -> w',
      'Conv(x, w, b) -> y',
    ],
    initializers: ['w_quantized [4, 54]', 'w_scale [4, 3]', 'w_shape [4]'],
  },
  {
    what: 'a table in kernel blocks',
    role: 'embedding',
    shape: [9, 32],
    precision: 'int8/32',
    before: GATHER,
    calls: [
      'Cast(w_scale) -> w_scale_float',
      'GatherBlockQuantized(w_quantized, ids, w_scale_float) -> y',
    ],
    initializers: ['w_quantized [9, 32]', 'w_scale [9, 1]'],
  },
  {
    what: 'a table by row decodes the rows in use',
    role: 'embedding',
    shape: [9, 5],
    precision: 'int8/asym',
    before: GATHER,
    calls: [
      'Gather(w_quantized, ids) -> y_quantized',
      'Cast(y_quantized) -> y_quantized_float',
      'Gather(w_scale, ids) -> y_scale',
      'Cast(y_scale) -> y_scale_float',
      'Gather(w_zero_point, ids) -> y_zero_point',
      'Cast(y_zero_point) -> y_zero_point_float',
      'Sub(y_quantized_float, y_zero_point_float) -> y_centred',
      'Mul(y_centred, y_scale_float) -> y',
    ],
    initializers: ['w_quantized [9, 5]', 'w_scale [9, 1]', 'w_zero_point [9, 1]'],
  },
  {
    what: 'a fp16 table casts the rows in use',
    role: 'embedding',
    shape: [9, 5],
    precision: 'fp16',
    before: GATHER,
    calls: ['Gather(w, ids) -> y_rows', 'Cast(y_rows) -> y'],
    initializers: ['w [9, 5]'],
  },
  {
    what: 'a fp16 vector is cast once for all its readers',
    role: 'vector',
    shape: [4],
    precision: 'fp16',
    before: [
      ['Add', 'x w', 'y'],
      ['Mul', 'w y', 'z'],
    ],
    calls: ['Cast(w) -> w_float', 'Add(x, w_float) -> y', 'Mul(w_float, y) -> z'],
    initializers: ['w [4]'],
  },
  {
    what: 'a fp32 weight stays as it is',
    role: 'linear',
    shape: [6, 10],
    precision: 'fp32',
    before: LINEAR,
    calls: ['Transpose(w) -> t', 'MatMul(x, t) -> y'],
    initializers: ['w [6, 10]'],
  },
] as const)('$what', ({ role, shape, precision, before, calls, initializers }) => {
  expect(encoded(role, shape, precision, before)).toEqual({ calls, initializers })
})

describe('a weight that is used twice in one graph', () => {
  test('a table by row names its values after each lookup', () => {
    const { calls } = encoded('embedding', [9, 5], 'int8', [
      ['Gather', 'w ids', 'y'],
      ['Gather', 'w others', 'z'],
    ])
    const outputs = calls.map((call) => call.replace(/^.* -> /u, ''))
    expect(new Set(outputs).size).toBe(outputs.length)
    expect(outputs).toEqual(expect.arrayContaining(['y', 'z']))
  })

  test('a linear weight shares its parts', () => {
    const { calls } = encoded('linear', [6, 64], 'int8/32', [
      ...LINEAR,
      ['MatMul', 'v t', 'z'],
      ['Transpose', 'w', 'u'],
      ['MatMul', 'z u', 'a'],
    ])
    expect(calls).toEqual([
      'Cast(w_scale) -> w_scale_float',
      'MatMulNBits(x, w_quantized, w_scale_float) -> y',
      'MatMulNBits(v, w_quantized, w_scale_float) -> z',
      'MatMulNBits(z, w_quantized, w_scale_float) -> a',
    ])
  })

  test('a table that is also the head in the same graph is reshaped for the head', () => {
    const { calls, initializers } = encoded('tied-embedding', [9, 64], 'int8/32', [
      ['Gather', 'w ids', 'x'],
      ...LINEAR,
    ])
    expect(calls).toEqual([
      'Reshape(w_quantized, w_shape) -> w_blocked',
      'Cast(w_scale) -> w_scale_float',
      'GatherBlockQuantized(w_quantized, ids, w_scale_float) -> x',
      'MatMulNBits(x, w_blocked, w_scale_float) -> y',
    ])
    expect(initializers).toEqual(['w_quantized [9, 64]', 'w_scale [9, 2]', 'w_shape [3]'])
  })
})

test.for([
  { what: 'only the lookup', calls: GATHER, dims: '[9, 64]' },
  { what: 'only the head', calls: LINEAR, dims: '[9, 2, 32]' },
])('$what of a shared table has codes of $dims and the same bytes', ({ calls, dims }) => {
  const { initializers } = encoded('tied-embedding', [9, 64], 'int8/32', calls)
  expect(initializers).toEqual([`w_quantized ${dims}`, 'w_scale [9, 2]'])
})

test("ONNX Runtime's own operators are imported where they are used, once", () => {
  const form = onnxForm('linear', [6, 64], {
    kind: 'affine',
    dtype: 'int4',
    symmetric: true,
    granularity: { kind: 'per-block', axis: 1, blockSize: 32 },
    scaleDtype: 'float32',
  })
  if (form.kind === 'none') throw new TypeError(form.reason)
  const model = modelOf([6, 64], LINEAR)
  encodeWeight(model, 'w', [6, 64], form)
  encodeWeight(model, 'w', [6, 64], form)
  expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
    ['', 21n],
    ['com.microsoft', 1n],
  ])
})
