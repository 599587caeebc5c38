import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'

import type { Audit } from '../src/audit/audit-types.ts'
import type { CommandLineSettings } from '../src/config/settings.ts'
import { mergeConfig } from '../src/config/merge-config.ts'
import type { ModelProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema, TensorProto_DataType } from '../src/formats/onnx/generated/onnx_pb.ts'
import { onnxNode } from '../src/formats/onnx/nodes.ts'
import type { NewConstant } from '../src/formats/onnx/opset/constants.ts'
import { opsetOf } from '../src/formats/onnx/opset/raise-opset.ts'
import { readOnnxFile } from '../src/convert/read-onnx-file.ts'
import {
  auditOnnxFile,
  outputPlace,
  planOnnxFile,
  quantizeOnnxFile,
} from '../src/pipeline/onnx-file.ts'
import { evaluatedFile } from '../src/pipeline/evaluate-file.ts'
import type { Plan } from '../src/plan/plan-types.ts'
import { memoryHost } from './helpers/memory-host.ts'
import type { MemoryHost } from './helpers/memory-host.ts'
import { floatTensor } from './helpers/onnx-file.ts'
import { buildModel, difference, random, run, value } from './helpers/opset.ts'

const { FLOAT } = TensorProto_DataType
const IN = 64
const OUT = 48

function weights(dims: readonly number[], seed: number): NewConstant {
  return { elementType: FLOAT, dims, values: Array.from(random(dims, seed).data, Number) }
}

/** `y = softmax(x · w + b)` at an old operator set, where Softmax takes all axes from 1 on. */
function linearModel(opset: number): ModelProto {
  return buildModel({
    opset,
    nodes: [
      onnxNode({ op: 'MatMul', name: 'm', inputs: ['x', 'w'], outputs: ['p'] }),
      onnxNode({ op: 'Add', name: 'a', inputs: ['p', 'b'], outputs: ['s'] }),
      onnxNode({ op: 'Softmax', name: 'soft', inputs: ['s'], outputs: ['y'] }),
    ],
    inputs: { x: random([2, IN], 9) },
    constants: { w: weights([IN, OUT], 1), b: weights([OUT], 2) },
  })
}

function convModel(opset: number): ModelProto {
  return buildModel({
    opset,
    nodes: [
      onnxNode({ op: 'Conv', name: 'c', inputs: ['x', 'w'], outputs: ['p'] }),
      onnxNode({ op: 'Relu', name: 'r', inputs: ['p'], outputs: ['y'] }),
    ],
    inputs: { x: random([1, 32, 4, 4], 9) },
    constants: { w: weights([8, 32, 3, 3], 3) },
  })
}

type Made = { readonly audit: Audit; readonly plan: Plan; readonly host: MemoryHost }

/** Audits, plans and writes a model as `out/q.onnx`. */
async function made(model: ModelProto, settings: CommandLineSettings): Promise<Made> {
  const host = memoryHost(new Map([['in/m.onnx', toBinary(ModelProtoSchema, model)]]))
  const opened = await readOnnxFile(host, 'in/m.onnx')
  const audit = await auditOnnxFile(host, opened)
  const plan = planOnnxFile(opened, audit, mergeConfig(settings, {}))
  await quantizeOnnxFile(host, { model: opened, audit, plan, folder: 'out', name: 'q' })
  return { audit, plan, host }
}

function written({ host }: Made): ModelProto {
  return fromBinary(ModelProtoSchema, host.files.get('out/q.onnx') ?? new Uint8Array(0))
}

function schemeOf({ plan }: Made, layer: string): unknown {
  return plan.layers.find((each) => each.layer === layer)?.scheme
}

/** Largest distance of the outputs before and after, in ONNX Runtime. */
async function moved(before: ModelProto, after: ModelProto, x: Tensor): Promise<number> {
  return difference((await run(after, { x })).get('y'), (await run(before, { x })).get('y'))
}

describe('the operator set is raised only as far as the plan needs', () => {
  test.for([
    { precision: 'int8', opset: 13 },
    { precision: 'fp32', opset: 9 },
    // Scales of linear blocks are an operator of ONNX Runtime, whatever the operator set.
    { precision: 'int4', opset: 9 },
    { precision: 'int4/tensor', opset: 21 },
  ])('$precision: set $opset', async ({ precision, opset }) => {
    const result = await made(linearModel(9), { precision })
    expect(opsetOf(written(result).opsetImport)).toBe(opset)
  })

  test.for(['int8', 'int8/tensor', 'int4/tensor/asym', 'int4', 'fp16'])(
    '%s: a Softmax of set 9 gives what it gave',
    async (precision) => {
      const before = linearModel(9)
      const result = await made(before, { precision })
      expect(await moved(before, written(result), random([2, IN], 9))).toBeLessThan(
        precision.startsWith('int4') ? 0.5 : 0.05,
      )
    },
  )

  test('fp32 leaves the file as it is', async () => {
    const before = linearModel(9)
    const result = await made(before, { precision: 'fp32' })
    expect(await moved(before, written(result), random([2, IN], 9))).toBe(0)
  })
})

test('blocks of a convolution decode to within half a step of its weights', async () => {
  const before = convModel(11)
  const result = await made(before, { precision: 'int8/16' })
  expect(schemeOf(result, 'model.w')).toMatchObject({ granularity: { blockSize: 16 } })
  expect(opsetOf(written(result).opsetImport)).toBe(21)
  // 288 products of |x| <= 2 with an error of at most half of 2 / 127, and the rounding of fp16 scales.
  const most = 288 * 2 * (2 / 127) * 0.51
  expect(await moved(before, written(result), random([1, 32, 4, 4], 9))).toBeLessThan(most)
})

test('the layer of a single file is "model." and the name of its tensor', async () => {
  const { audit, plan } = await made(linearModel(13), {})
  expect(audit).toMatchObject({ format: 'onnx', components: { model: { layers: 2 } } })
  expect(plan.layers.map(({ layer, role }) => [layer, role])).toEqual([
    ['model.w', 'linear'],
    ['model.b', 'vector'],
  ])
})

test('without a precision weights become int8 per channel and vectors stay as stored', async () => {
  const result = await made(linearModel(13), {})
  expect(result.plan).toMatchObject({ target: 'onnx', preset: null })
  expect(schemeOf(result, 'model.w')).toMatchObject({
    dtype: 'int8',
    granularity: { kind: 'per-channel', axis: 0 },
  })
  expect(schemeOf(result, 'model.b')).toEqual({ kind: 'float', dtype: 'float32' })
})

test('the plan says the bytes that are written', async () => {
  const result = await made(linearModel(13), { precision: 'int8' })
  const tensors = written(result).graph?.initializer ?? []
  const stored = tensors.reduce((sum, { rawData }) => sum + rawData.length, 0)
  expect(stored).toBe(result.plan.bytes)
  expect(result.plan.bytes).toBe(IN * OUT + 4 * OUT + 4 * OUT)
})

test('the same model and plan give the same bytes', async () => {
  const [a, b] = [await made(linearModel(9), {}), await made(linearModel(9), {})]
  expect(a.host.files.get('out/q.onnx')).toEqual(b.host.files.get('out/q.onnx'))
})

describe('a model that cannot be raised', () => {
  // An operator that no set has: nothing says how it came through the sets.
  const stuck = (): ModelProto => {
    const model = convModel(11)
    model.graph?.node.push(onnxNode({ op: 'Upsampled', name: 'u', inputs: ['y'], outputs: ['z'] }))
    return model
  }

  /** One that ONNX Runtime runs: no set after 12 has these coordinates. */
  const stuckResize = (): ModelProto => {
    const model = convModel(11)
    model.graph?.initializer.push(
      floatTensor('roi', [0], []),
      floatTensor('scales', [4], [1, 1, 2, 2]),
    )
    model.graph?.output.push(value('z', FLOAT))
    model.graph?.node.push(
      onnxNode({
        op: 'Resize',
        name: 's',
        inputs: ['x', 'roi', 'scales'],
        outputs: ['z'],
        attributes: {
          coordinate_transformation_mode: { kind: 'string', value: 'tf_half_pixel_for_nn' },
        },
      }),
    )
    return model
  }

  test.for([
    // 288 products of |x| <= 2 with errors of at most half a step of weights from -2 to 2.
    { precision: 'int8', most: 288 * 2 * 0.5 * (2 / 127) },
    { precision: 'int8/tensor', most: 288 * 2 * 0.5 * (2 / 127) },
    { precision: 'int4', most: 288 * 2 * 0.5 * (2 / 7) },
    { precision: 'int4/8/asym', most: 288 * 2 * 0.5 * (4 / 15) },
    { precision: 'int2', most: 288 * 2 * 0.5 * (2 / 7) },
  ])(
    '$precision keeps its set and the numbers come near; the plan says by which operator',
    async ({ precision, most }) => {
      const before = stuckResize()
      const result = await made(before, { precision, algorithm: 'round' })
      const [layer] = result.plan.layers
      const isStandard = precision === 'int8/tensor'
      const feeds = { x: random([1, 32, 4, 4], 9) }
      const [was, is] = [await run(before, feeds), await run(written(result), feeds)]
      expect(difference(is.get('y'), was.get('y'))).toBeLessThan(most)
      expect(difference(is.get('z'), was.get('z'))).toBe(0)
      expect(layer?.scheme).toMatchObject({
        dtype: precision.startsWith('int8') ? 'int8' : 'int4',
        scaleDtype: 'float32',
      })
      expect(layer?.form).toBe(`${isStandard ? '' : 'com.microsoft.'}DequantizeLinear`)
      expect(layer?.reasons.at(-1)).toMatch(
        /^needs opset \d+, and the model can have 11 at most: int[48]/u,
      )
      expect(opsetOf(written(result).opsetImport)).toBe(11)
    },
  )

  test('an edited plan that needs more is refused', async () => {
    const model = stuck()
    const host = memoryHost(new Map([['in/m.onnx', toBinary(ModelProtoSchema, model)]]))
    const opened = await readOnnxFile(host, 'in/m.onnx')
    const audit = await auditOnnxFile(host, opened)
    const free = await made(convModel(11), { precision: 'int4' })
    const writing = quantizeOnnxFile(host, {
      model: opened,
      audit,
      plan: free.plan,
      folder: 'out',
      name: 'q',
    })
    await expect(writing).rejects.toMatchObject({ code: 'unsupported-scheme' })
    expect([...host.files.keys()]).toEqual(['in/m.onnx'])
  })
})

test('a target that one file cannot become is refused', async () => {
  const making = made(linearModel(13), { target: 'transformers-js' })
  await expect(making).rejects.toMatchObject({ code: 'unsupported-target' })
})

test.for([
  { path: 'a/b/c.onnx', place: { folder: 'a/b/', name: 'c' } },
  { path: 'c.onnx', place: { folder: '.', name: 'c' } },
  { path: '/c.d.onnx', place: { folder: '/', name: 'c.d' } },
])('the place of $path', ({ path, place }) => {
  expect(outputPlace(path)).toEqual(place)
})

describe('the folder of tokenizer and processor files', () => {
  const folderOf = async (...files: readonly string[]): Promise<string | null> => {
    const host = memoryHost(new Map(files.map((path) => [path, new Uint8Array(1)])))
    return (await evaluatedFile(host, 'm/onnx/model.onnx')).folder
  }

  test('is that of the model', async () => {
    const folder = await folderOf('m/onnx/model.onnx', 'm/onnx/tokenizer.json')
    expect(folder).toBe('m/onnx')
  })

  test('or the one above it', async () => {
    const folder = await folderOf('m/onnx/model.onnx', 'm/preprocessor_config.json')
    expect(folder).toBe('m')
  })

  test('or there is none', async () => {
    expect(await folderOf('m/onnx/model.onnx', 'm/config.json')).toBeNull()
  })
})
