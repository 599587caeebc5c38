import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { MixbitError } from '../src/base/error.ts'
import type { ModelProto, TensorProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from '../src/formats/onnx/generated/onnx_pb.ts'
import { mergeConfig } from '../src/config/merge-config.ts'
import { readOnnxFile } from '../src/convert/read-onnx-file.ts'
import { int, ints } from '../src/graph/builder.ts'
import { quantizeDynamicFile } from '../src/pipeline/quantize-dynamic.ts'
import { quantizeStaticFile } from '../src/pipeline/quantize-static.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import { brokenBytes, brokenModel } from './helpers/break-model.ts'
import {
  constantNode,
  fileModel,
  fileNodes,
  floatTensor,
  graphAttribute,
  innerGraph,
  quantizeModelFile,
} from './helpers/onnx-file.ts'
import { calibrationFiles, runningHost } from './helpers/integer-model.ts'
import type { MemoryHost } from './helpers/memory-host.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { random } from './helpers/opset.ts'

/** A little of everything that can be quantized, in 20 kB. */
function mixedModel(): ModelProto {
  const [choose] = fileNodes([['If', 'c', 'y']])
  if (choose === undefined) throw new TypeError('there is one node')
  const inner = [floatTensor('v', [32, 16])]
  graphAttribute(choose, 'then_branch', innerGraph([['MatMul', 'k v', 'p']], inner, ['p']))
  graphAttribute(choose, 'else_branch', innerGraph([['MatMul', 'k u', 'q']], [], ['q']))
  return fileModel({
    nodes: [
      constantNode(floatTensor('e', [16, 32])),
      ...fileNodes([
        ['Conv', 'x a', 'f'],
        ['ConvTranspose', 'f b', 'g'],
        ['Flatten', 'g', 'h'],
        ['Gemm', 'h d bias', 'i'],
        ['MatMul', 'i e', 'j'],
        ['Identity', 'w', 'w2'],
        ['MatMul', 'j w2', 'l'],
        ['Gather', 'w ids', 'm'],
        ['Add', 'l m', 'k'],
      ]),
      choose,
    ],
    weights: [
      floatTensor('a', [8, 4, 3, 3]),
      floatTensor('b', [8, 4, 2, 2]),
      floatTensor('d', [100, 16]),
      floatTensor('bias', [16]),
      floatTensor('w', [32, 32]),
      floatTensor('u', [32, 16]),
    ],
    inputs: { x: [1, 4, 6, 6], ids: [1], c: [] },
    types: { ids: 7, c: 9 },
  })
}

/** What a broken model is put through. */
type Way = (host: MemoryHost) => Promise<unknown>

const weightOnly =
  (precision: string): Way =>
  (host) =>
    quantizeModelFile(fileModel({}), precision, host)

const dynamic: Way = async (host) => {
  const model = await readOnnxFile(host, './model.onnx')
  return quantizeDynamicFile(host, {
    model,
    config: mergeConfig({ precision: 'dynamic' }, {}),
    runtime: 'x86-vnni',
    plan: null,
    place: { folder: 'out', name: 'q' },
  })
}

/** With the ranges of the sound model, so that no broken one has to run. */
const withRanges =
  (plan: Plan | null): Way =>
  async (host) => {
    const model = await readOnnxFile(host, './model.onnx')
    const precision = plan === null ? { precision: 'w8a8' } : {}
    return quantizeStaticFile(host, {
      model,
      config: mergeConfig({ ...precision, calibration: { data: 'data/cal.json' } }, {}),
      runtime: 'x86-vnni',
      calibrator: 'min-max',
      io: 'float',
      scratch: 'scratch',
      plan,
      place: { folder: 'out', name: 'q' },
    })
  }

/** The code that a way ends with; a defect is thrown on. */
async function endOf(bytes: Uint8Array, way: Way): Promise<string> {
  try {
    await way(memoryHost(new Map([['./model.onnx', bytes]])))
    return 'done'
  } catch (error) {
    if (error instanceof MixbitError) return error.code
    throw error
  }
}

const PRECISIONS = ['int8', 'int4', 'int4/asym', 'int2', 'fp16'] as const

const WEIGHTS: readonly Way[] = PRECISIONS.map(weightOnly)

type Ends = ReadonlyMap<string, number>

async function endsOf(model: ModelProto, ways: readonly Way[], seeds: number): Promise<Ends> {
  const ends = new Map<string, number>()
  for (let seed = 0; seed < seeds; seed++) {
    const way = ways[seed % ways.length]
    if (way === undefined) throw new TypeError('there is a way')
    const bytes =
      seed % 7 === 0
        ? brokenBytes(model, seed)
        : toBinary(ModelProtoSchema, brokenModel(model, seed))
    const end = await endOf(bytes, way).catch((error: unknown) => {
      throw new Error(`seed ${seed}, way ${seed % ways.length}`, { cause: error })
    })
    ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  return ends
}

test('the model that is broken is sound at first', async () => {
  const bytes = toBinary(ModelProtoSchema, mixedModel())
  for (const way of [...WEIGHTS, dynamic]) expect(await endOf(bytes, way)).toBe('done')
})

test('a broken model is quantized or refused with a code', async () => {
  const ends = await endsOf(mixedModel(), WEIGHTS, 400)
  // Changes are small: most models can still be read, and many cannot.
  expect(ends.get('done')).toBeGreaterThan(100)
  expect(ends.get('malformed')).toBeGreaterThan(10)
})

test('a broken model is quantized dynamically or refused with a code', async () => {
  const ends = await endsOf(mixedModel(), [dynamic], 200)
  expect(ends.get('done')).toBeGreaterThan(50)
  expect(ends.get('malformed')).toBeGreaterThan(5)
})

/** Convolutions, products and what lies between them, which run on integers. */
function integerModel(): ModelProto {
  const kernel = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }
  const pads = { pads: ints([1, 1, 1, 1]) }
  return fileModel({
    calls: [
      ['Conv', 'x a ab', 'f', pads],
      ['BatchNormalization', 'f scale shift mean variance', 'g'],
      ['Relu', 'g', 'h'],
      ['Conv', 'h b', 'i', pads],
      ['Clip', 'i low high', 'j'],
      ['Add', 'j h', 'k'],
      ['MaxPool', 'k', 'l', kernel],
      ['Concat', 'l l', 'm', { axis: int(1) }],
      ['GlobalAveragePool', 'm', 'n'],
      ['Flatten', 'n', 'o'],
      ['Gemm', 'o d db', 'p'],
      ['MatMul', 'p e', 'y'],
    ],
    weights: [
      floatTensor('a', [4, 3, 3, 3]),
      floatTensor('ab', [4]),
      floatTensor('scale', [4], [1, 2, 0.5, 1]),
      floatTensor('shift', [4]),
      floatTensor('mean', [4]),
      floatTensor('variance', [4], [1, 1, 2, 0.5]),
      floatTensor('b', [4, 4, 3, 3]),
      floatTensor('low', [], [0]),
      floatTensor('high', [], [6]),
      floatTensor('d', [8, 16]),
      floatTensor('db', [16]),
      floatTensor('e', [16, 5]),
    ],
    inputs: { x: [1, 3, 8, 8] },
  })
}

/** The ranges of the sound model, found by running it. */
async function ranges(model: ModelProto): Promise<Plan> {
  const samples = Array.from({ length: 3 }, (_, at) => random([1, 3, 8, 8], at + 1))
  const files = new Map([
    ...calibrationFiles(samples),
    ['./model.onnx', toBinary(ModelProtoSchema, model)] as const,
  ])
  const made = withRanges(null)(runningHost(files))
  return Object(await made).plan
}

test('a broken model is quantized statically or refused with a code', async () => {
  const model = integerModel()
  const plan = await ranges(model)
  expect(plan.activations?.length).toBeGreaterThan(5)
  const way = withRanges(plan)
  expect(await endOf(toBinary(ModelProtoSchema, model), way)).toBe('done')
  const ends = await endsOf(model, [way], 200)
  expect(ends.get('done')).toBeGreaterThan(25)
  expect(ends.get('invalid-plan')).toBeGreaterThan(5)
  expect(ends.get('malformed')).toBeGreaterThan(5)
})

describe('what is wrong has the same code in every way', () => {
  const first = (model: ModelProto): TensorProto => {
    const [tensor] = model.graph?.initializer ?? []
    if (tensor === undefined) throw new TypeError('there is a tensor')
    return tensor
  }
  const moveOut = (location: string) => (model: ModelProto) => {
    const tensor = first(model)
    tensor.rawData = new Uint8Array(0)
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL
    tensor.externalData = [
      create(StringStringEntryProtoSchema, { key: 'location', value: location }),
    ]
  }
  const faults: readonly {
    readonly what: string
    readonly code: string
    readonly fault: (model: ModelProto) => unknown
  }[] = [
    { what: 'data outside the folder', code: 'path-outside', fault: moveOut('../../secret') },
    { what: 'data at an absolute path', code: 'path-outside', fault: moveOut('/etc/passwd') },
    { what: 'data in a file that is gone', code: 'not-found', fault: moveOut('gone.bin') },
    {
      what: 'two tensors of one name',
      code: 'malformed',
      fault: (model) => model.graph?.initializer.push(first(model)),
    },
    {
      what: 'a tensor of other bytes than its shape says',
      code: 'wrong-shape',
      fault: (model) => (first(model).rawData = new Uint8Array(3)),
    },
    {
      what: 'an absurd shape',
      code: 'limit-exceeded',
      fault: (model) => (first(model).dims = [2n ** 62n, 2n ** 62n]),
    },
  ]
  const ways = { weights: weightOnly('int8'), dynamic, static: withRanges(null) }
  const cases = faults.flatMap((each) =>
    Object.entries(ways).map(([way, run]) => ({ ...each, way, run })),
  )

  test.for(cases)('$what, $way', async ({ code, fault, run }) => {
    const model = integerModel()
    fault(model)
    expect(await endOf(toBinary(ModelProtoSchema, model), run)).toBe(code)
  })
})

const zoo = join(import.meta.dirname, '../../../../shared/zoo/onnx')

describe('real files', () => {
  test.skipIf(!existsSync(zoo)).for(['mnist.onnx', 'basic_pitch.onnx'])('%s', async (name) => {
    const model = fromBinary(ModelProtoSchema, readFileSync(join(zoo, name)))
    const ends = await endsOf(model, [...WEIGHTS, dynamic], 40)
    expect([...ends.values()].reduce((a, b) => a + b, 0)).toBe(40)
  })
})
