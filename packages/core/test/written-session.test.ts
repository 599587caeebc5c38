import { fromBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { InferenceSession } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'

import { encodeMatrix } from '../src/algorithms/encode-matrix.ts'
import type { Form } from '../src/formats/onnx/form-types.ts'
import { formFor, opsetForForms } from '../src/formats/onnx/forms.ts'
import type { TensorProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema } from '../src/formats/onnx/generated/onnx_pb.ts'
import type { Graph } from '../src/graph/graph.ts'
import { scalarKernels } from '../src/kernels/scalar.ts'
import type { LayerPlan } from '../src/plan/plan-types.ts'
import { makePlan } from '../src/plan/plan.ts'
import { plannedLayer } from '../src/plan/planned-layer.ts'
import { quantize } from '../src/quantize/quantize.ts'
import type { QuantizeResult } from '../src/quantize/quantize.ts'
import { graphSource } from '../src/quantize/session-source.ts'
import { parsePrecision, schemeFor } from '../src/scheme/precision.ts'
import type { Scheme } from '../src/scheme/scheme.ts'
import {
  bfloat16ToFloat,
  floatToBfloat16,
  floatToHalf,
  halfToFloat,
} from '../src/tensor/float16.ts'
import type { Weight } from '../src/tensor/weight.ts'
import { columnsOf, elementsOf, rowsOf } from '../src/tensor/weight.ts'
import { planRequest, weightFact } from './helpers/facts.ts'
import type { MemoryHost } from './helpers/memory-host.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { oneWeightGraph } from './helpers/one-weight-graph.ts'
import { runSession } from './helpers/onnx.ts'
import { float32Weight } from './helpers/weights.ts'

type Role = Parameters<typeof oneWeightGraph>[0]

/** Values with every size and sign, the same in every run. */
function wave(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(i * 1.7) * (0.02 + 0.3 / (1 + (i % 7))))
}

function planOf(
  role: Role | 'tied-embedding',
  shape: readonly number[],
  scheme: Scheme,
  opsetLimit?: number,
): LayerPlan {
  const facts = weightFact({ layer: 'model.w', component: 'model', role, shape })
  return plannedLayer(facts, { scheme, algorithm: 'round', reasons: [] }, opsetLimit)
}

function schemeOf(precision: string, scaleDtype: 'float16' | 'float32' = 'float16'): Scheme {
  return schemeFor(parsePrecision(precision), { outputAxis: 0, inputAxis: 1, scaleDtype })
}

async function write(
  host: MemoryHost,
  graphs: readonly Graph[],
  layers: readonly LayerPlan[],
  tables: 'shared' | 'copied' = 'shared',
): Promise<QuantizeResult> {
  return quantize(host, {
    sessions: graphs.map((graph) => ({
      source: graphSource(graph, opsetForForms(layers)),
      fileName: graph.name,
    })),
    layers,
    facts: [],
    importance: new Map(),
    folder: 'out',
    stage: 'quantize',
    tables,
  })
}

/** What the stored form of a weight must decode to, by the scalar kernels. */
async function decoded(weight: Weight, form: Form): Promise<Float32Array> {
  const x = await weight.readRows(0, rowsOf(weight.shape))
  if (form.kind === 'float') return x.map((value) => storedFloat(value, form.dtype))
  const { scheme, blockLength, decodeDtype } = form
  const encoded = encodeMatrix(scalarKernels, x, {
    rows: rowsOf(weight.shape),
    cols: columnsOf(weight.shape),
    blockLength,
    integer: scheme.dtype,
    symmetric: scheme.symmetric,
    scaleDtype: scheme.scaleDtype,
    decodeDtype,
    algorithm: 'round',
  })
  const out = new Float32Array(x.length)
  scalarKernels.decodeBlocks(out, encoded.codes, encoded.scale, encoded.zeroPoint, {
    blockLength,
    dtype: decodeDtype,
  })
  return out
}

function storedFloat(value: number, dtype: 'float32' | 'float16' | 'bfloat16'): number {
  if (dtype === 'float16') return halfToFloat(floatToHalf(value))
  return dtype === 'bfloat16' ? bfloat16ToFloat(floatToBfloat16(value)) : value
}

/** Runs a written graph without any optimisation; all its data must lie inside. */
async function runWritten(
  bytes: Uint8Array | undefined,
  inputs: Parameters<typeof runSession>[1],
): Promise<Float32Array> {
  if (bytes === undefined) throw new TypeError('the graph was not written')
  const session = await InferenceSession.create(bytes, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  const outputs = await runSession(session, inputs)
  await session.release()
  return outputs.get('y')?.data ?? new Float32Array(0)
}

const FORMS: readonly {
  readonly role: Role
  readonly shape: readonly number[]
  readonly precisions: readonly string[]
  readonly form: string
}[] = [
  {
    role: 'linear',
    shape: [6, 64],
    precisions: [
      'int8/32',
      'int4/16',
      'int2/32',
      'int8/64/asym',
      'int4/16/asym',
      'int4/64/asym',
      'int2/16/asym',
      'int2/64/asym',
    ],
    form: 'MatMulNBits',
  },
  {
    role: 'linear',
    shape: [5, 21],
    precisions: [
      'int8',
      'int4/channel',
      'int2/channel',
      'int8/tensor/asym',
      'int4/channel/asym',
      'int2/tensor/asym',
      'int4/7/asym',
      'int2/7/asym',
    ],
    form: 'DequantizeLinear',
  },
  {
    role: 'conv',
    shape: [3, 6, 3, 3],
    precisions: [
      'int8',
      'int8/tensor',
      'int4/channel/asym',
      'int2/channel',
      'int4/2',
      'int2/2/asym',
      'int4/3/asym',
      'int8/1',
    ],
    form: 'DequantizeLinear',
  },
  {
    role: 'conv',
    shape: [3, 8, 1, 1],
    precisions: ['int8/4', 'int4/2/asym', 'int4/8', 'int2/4', 'int2/8/asym'],
    form: 'DequantizeLinear',
  },
  {
    role: 'depthwise-conv',
    shape: [5, 1, 3, 3],
    precisions: ['int8', 'int8/asym', 'int4/channel'],
    form: 'DequantizeLinear',
  },
  {
    role: 'embedding',
    shape: [7, 32],
    precisions: ['int8/16', 'int4/32', 'int2/32', 'int4/16/asym', 'int8/32/asym', 'int2/16/asym'],
    form: 'GatherBlockQuantized',
  },
  {
    role: 'embedding',
    shape: [7, 9],
    precisions: ['int8', 'int8/asym', 'int8/tensor', 'int8/tensor/asym'],
    form: 'Gather + Mul',
  },
]

const CASES = FORMS.flatMap(({ precisions, ...form }) =>
  precisions.flatMap((precision) =>
    (['float16', 'float32'] as const).map((scales) => ({ ...form, precision, scales })),
  ),
)

test.for(CASES)(
  'ONNX Runtime decodes $role $shape as $precision with $scales scales to what our kernels decode',
  async ({ role, shape, form, precision, scales }) => {
    const weight = float32Weight('w', shape, wave(elementsOf(shape)))
    const plan = planOf(role, shape, schemeOf(precision, scales))
    expect(plan.form).toBe(form)
    const { graph, inputs, inWeightOrder } = oneWeightGraph(role, weight)
    const host = memoryHost()
    await write(host, [graph], [plan])
    const output = await runWritten(host.files.get('out/model.onnx'), inputs)
    expect(inWeightOrder(output)).toEqual(await decoded(weight, formFor(plan)))
  },
)

describe("graphs of an old opset, by ONNX Runtime's own DequantizeLinear", () => {
  const precisions = [
    'int8',
    'int8/asym',
    'int8/tensor',
    'int4/channel',
    'int4/tensor/asym',
    'int8/3',
    'int4/3',
    'int4/3/asym',
  ]
  const cases = precisions.flatMap((precision) =>
    [7, 9, 12].flatMap((opset) =>
      (['conv', 'linear'] as const).map((role) => ({ precision, opset, role })),
    ),
  )
  test.for(cases)('$role as $precision at opset $opset', async ({ precision, opset, role }) => {
    const shape = role === 'conv' ? [5, 9, 3, 1] : [5, 9]
    const weight = float32Weight('w', shape, wave(elementsOf(shape)))
    const scheme = schemeOf(precision, 'float32')
    // What ai.onnx has by then is its own: one scale from opset 10 on.
    const isStandard = precision === 'int8/tensor' && opset >= 10
    const plan = planOf(role, shape, scheme, opset)
    expect(plan.form).toBe(`${isStandard ? '' : 'com.microsoft.'}DequantizeLinear`)
    const { graph, inputs, inWeightOrder } = oneWeightGraph(role, weight)
    const host = memoryHost()
    await write(host, [{ ...graph, opset }], [plan])
    const written = host.files.get('out/model.onnx') ?? new Uint8Array(0)
    const { opsetImport } = fromBinary(ModelProtoSchema, written)
    expect(opsetImport[0]).toMatchObject({ domain: '', version: BigInt(opset) })
    const output = await runWritten(written, inputs)
    expect(inWeightOrder(output)).toEqual(await decoded(weight, formFor(plan)))
  })
})

describe('rows that standard operators decode from the same bytes', () => {
  // 48 / 16 = 3 and 144 / 16 = 9 blocks a row: the last byte of zero points is not full.
  const cases = ['int8/16', 'int4/16', 'int2/16', 'int8/16/asym', 'int4/16/asym', 'int2/16/asym']
  test.for(cases.flatMap((precision) => [48, 144].map((columns) => ({ precision, columns }))))(
    '$precision of $columns columns',
    async ({ precision, columns }) => {
      const weight = float32Weight('w', [7, columns], wave(7 * columns))
      const plan = planOf('embedding', [7, columns], schemeOf(precision))
      const { graph, inputs } = oneWeightGraph('embedding', weight)
      const host = memoryHost()
      await write(host, [graph], [plan], 'copied')
      const output = await runWritten(host.files.get('out/model.onnx'), inputs)
      expect(output).toEqual(await decoded(weight, formFor(plan)))
    },
  )
})

describe('a weight stored as another float', () => {
  const cases = (['float32', 'float16', 'bfloat16'] as const).flatMap((stored) =>
    (['linear', 'conv', 'embedding'] as const).map((role) => ({ stored, role })),
  )
  test.for(cases)('$role as $stored', async ({ stored, role }) => {
    const shape = role === 'conv' ? [3, 4, 2, 2] : [5, 8]
    const weight = float32Weight('w', shape, wave(elementsOf(shape)))
    const plan = planOf(role, shape, { kind: 'float', dtype: stored })
    const { graph, inputs, inWeightOrder } = oneWeightGraph(role, weight)
    const host = memoryHost()
    await write(host, [graph], [plan])
    const output = await runWritten(host.files.get('out/model.onnx'), inputs)
    expect(inWeightOrder(output)).toEqual(await decoded(weight, formFor(plan)))
  })
})

/** All initializers of written graphs, with their bytes wherever these lie. */
function storedTensors(host: MemoryHost, graph: string): ReadonlyMap<string, Uint8Array> {
  const bytes = host.files.get(`out/${graph}.onnx`) ?? new Uint8Array(0)
  const { initializer = [] } = fromBinary(ModelProtoSchema, bytes).graph ?? {}
  return new Map(initializer.map((tensor) => [tensor.name, tensorBytes(host, tensor)]))
}

function tensorBytes(host: MemoryHost, tensor: TensorProto): Uint8Array {
  const external = new Map(tensor.externalData.map(({ key, value }) => [key, value]))
  const location = external.get('location')
  if (location === undefined) return tensor.rawData
  const offset = Number(external.get('offset'))
  const file = host.files.get(`out/${location}`)
  return file?.subarray(offset, offset + Number(external.get('length'))) ?? new Uint8Array(0)
}

/** Bytes of each part of the weight, in a written graph. */
function partBytes(host: MemoryHost, graph: string): LayerPlan['bytes'] {
  const tensors = storedTensors(host, graph)
  return {
    codes: (tensors.get('w') ?? tensors.get('w_quantized'))?.length ?? 0,
    scales: tensors.get('w_scale')?.length ?? 0,
    zeroPoints: tensors.get('w_zero_point')?.length ?? 0,
  }
}

const PRECISIONS = [
  ...CASES.map((each) => each.precision),
  'fp32',
  'fp16',
  'int4',
  'int4/7/asym',
  'int2',
  'int3',
  'palette4',
  'sparse50+int8',
]

test('stored bytes are those of the plan, for any shape, role and precision', async () => {
  const role = fc.constantFrom('linear', 'conv', 'depthwise-conv', 'embedding')
  const precision = fc.constantFrom(...PRECISIONS)
  const size = fc.integer({ min: 2, max: 90 })
  await fc.assert(
    fc.asyncProperty(role, precision, size, size, async (role, precision, rows, columns) => {
      const shapes = { linear: [rows, columns], embedding: [rows, columns] }
      const kernels = { conv: [rows, columns, 2, 1], 'depthwise-conv': [rows, 1, 2, 3] }
      const shape = { ...shapes, ...kernels }[role]
      const facts = weightFact({ layer: 'model.w', component: 'model', role, shape })
      const plan = makePlan([facts], planRequest({ precision }))
      const weight = float32Weight('w', shape, wave(elementsOf(shape)))
      const host = memoryHost()
      const { files } = await write(host, [oneWeightGraph(role, weight).graph], plan.layers)
      expect(partBytes(host, 'model')).toEqual(plan.layers[0]?.bytes)
      for (const { file } of files) expect(host.files.get(file.path)?.length).toBe(file.bytes)
    }),
    { numRuns: 60 },
  )
})

/** A table of 200 x 64 that one graph looks up and another multiplies with. */
function tiedGraphs(): readonly Graph[] {
  const weight = float32Weight('w', [200, 64], wave(200 * 64))
  const lookup = oneWeightGraph('embedding', weight).graph
  const head = oneWeightGraph('linear', weight).graph
  return [
    { ...lookup, name: 'embed' },
    { ...head, name: 'head' },
  ]
}

describe('a table in two graphs', () => {
  const plan = planOf('tied-embedding', [200, 64], schemeOf('int8/32'))

  test('is stored once, and both read the same bytes', async () => {
    const host = memoryHost()
    const { files, layers, copies } = await write(host, tiedGraphs(), [plan])
    expect(files.map(({ file }) => file.path)).toEqual([
      'out/embed.onnx',
      'out/embed.onnx_data',
      'out/head.onnx',
    ])
    expect(storedTensors(host, 'head').get('w_quantized')).toEqual(
      storedTensors(host, 'embed').get('w_quantized'),
    )
    expect(partBytes(host, 'head')).toEqual(plan.bytes)
    expect(layers).toHaveLength(1)
    expect(copies).toEqual([])
  })

  test('is copied where graphs may not share, and the copy is named', async () => {
    const host = memoryHost()
    const { files, layers, copies } = await write(host, tiedGraphs(), [plan], 'copied')
    expect(files.map(({ file }) => file.path)).toContain('out/head.onnx_data')
    expect(storedTensors(host, 'head').get('w_quantized')).toEqual(
      storedTensors(host, 'embed').get('w_quantized'),
    )
    expect(layers).toHaveLength(1)
    expect(copies).toEqual([plan])
  })
})

describe('what storing cost', () => {
  test('is measured on the codes that were written', async () => {
    const weight = float32Weight('w', [6, 64], wave(6 * 64))
    const plan = planOf('linear', [6, 64], schemeOf('int4/32'))
    const host = memoryHost()
    const { layers } = await write(host, [oneWeightGraph('linear', weight).graph], [plan])
    const stored = await decoded(weight, formFor(plan))
    const errors = wave(6 * 64).map((value, i) => Math.fround(value) - (stored[i] ?? NaN))
    const noise = errors.reduce((sum, error) => sum + error * error, 0)
    const signal = wave(6 * 64).reduce((sum, value) => sum + Math.fround(value) ** 2, 0)
    expect(layers[0]?.totals.mse).toBeCloseTo(noise / errors.length, 12)
    expect(layers[0]?.totals.sqnrDb).toBeCloseTo(10 * Math.log10(signal / noise), 6)
    expect(layers[0]?.totals.maxAbsError).toBe(Math.max(...errors.map(Math.abs)))
  })

  test('is nothing for a weight that is kept as it is', async () => {
    const weight = float32Weight('w', [6, 64], wave(6 * 64))
    const plan = planOf('linear', [6, 64], { kind: 'float', dtype: 'float32' })
    const { layers } = await write(memoryHost(), [oneWeightGraph('linear', weight).graph], [plan])
    expect(layers[0]?.totals).toMatchObject({ sqnrDb: null, mse: 0, maxAbsError: 0 })
  })
})

test('a layer that the plan leaves out is an invalid plan', async () => {
  const weight = float32Weight('w', [6, 64], wave(6 * 64))
  await expect(write(memoryHost(), [oneWeightGraph('linear', weight).graph], [])).rejects.toThrow(
    expect.objectContaining({ code: 'invalid-plan' }),
  )
})

test('a weight that cannot be read leaves no data file behind', async () => {
  const broken: Weight = {
    ...float32Weight('w', [600, 64], wave(600 * 64)),
    readStoredRows: () => Promise.reject(new Error('the disk is gone')),
  }
  const plan = planOf('linear', [600, 64], schemeOf('int8/32'))
  const host = memoryHost()
  await expect(write(host, [oneWeightGraph('linear', broken).graph], [plan])).rejects.toThrow(
    'the disk is gone',
  )
  expect([...host.files.keys()]).toEqual([])
})

test('activations decide the codes: other statistics give other bytes', async () => {
  const weight = float32Weight('w', [6, 64], wave(6 * 64))
  const plan = { ...planOf('linear', [6, 64], schemeOf('int4/32')), algorithm: 'mse' as const }
  const { graph } = oneWeightGraph('linear', weight)
  const codes = async (meanSquare: readonly number[] | null): Promise<Uint8Array | undefined> => {
    const host = memoryHost()
    await quantize(host, {
      sessions: [{ source: graphSource(graph), fileName: 'model' }],
      layers: [plan],
      facts: [],
      importance: new Map(
        meanSquare === null ? [] : [['model.w', Float32Array.from(meanSquare)] as const],
      ),
      folder: 'out',
      stage: 'quantize',
      tables: 'shared',
    })
    return storedTensors(host, 'model').get('w_quantized')
  }
  const rising = Array.from({ length: 64 }, (_, channel) => channel ** 3)
  const alike = await codes(null)
  expect(await codes(rising)).not.toEqual(alike)
  expect(await codes(rising.toReversed())).not.toEqual(await codes(rising))
  // Only how channels compare counts.
  expect(await codes(rising.map(() => 4))).toEqual(alike)
})
