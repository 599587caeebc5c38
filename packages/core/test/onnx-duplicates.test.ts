import { expect, test } from 'vitest'

import type { TensorProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import type { FileModel } from './helpers/onnx-file.ts'
import {
  feedsOf,
  fileModel,
  floatTensor,
  quantizeModelFile,
  runModel,
  sqnrDb,
  wave,
} from './helpers/onnx-file.ts'

const SHAPE = [32, 32]
const VALUES = wave(32 * 32, 9)

/** Two layers with weights of their own. */
function twoLayers(second: TensorProto, change: FileModel = {}) {
  return fileModel({
    calls: [
      ['MatMul', 'x a', 'h'],
      ['MatMul', 'h b', 'y'],
    ],
    weights: [floatTensor('a', SHAPE, VALUES), second],
    inputs: { x: [2, 32] },
    ...change,
  })
}

const layersOf = async (model: ReturnType<typeof fileModel>): Promise<readonly string[]> => {
  const { plan } = await quantizeModelFile(model, 'int8')
  return plan.layers.map(({ layer }) => layer)
}

test('weights of the same bytes are stored once, and the reader is told', async () => {
  const model = twoLayers(floatTensor('b', SHAPE, VALUES))
  const { plan, source, bytes } = await quantizeModelFile(model, 'int8')
  expect(plan.layers.map(({ layer }) => layer)).toEqual(['model.a'])
  expect(source.findings).toEqual([
    expect.objectContaining({
      code: 'duplicate-weights',
      message: expect.stringContaining('4096'),
    }),
  ])
  const feeds = feedsOf({ x: [2, 32] })
  const [[before], [after]] = [await runModel(model, feeds), await runModel(bytes, feeds)]
  expect(sqnrDb(before, after)).toBeGreaterThan(35)
})

test('a weight that differs in its last value is another one', async () => {
  const model = twoLayers(floatTensor('b', SHAPE, VALUES.with(32 * 32 - 1, 7)))
  expect(await layersOf(model)).toEqual(['model.a', 'model.b'])
})

test('the same bytes in another shape or dtype are another weight', async () => {
  const calls: FileModel['calls'] = [
    ['MatMul', 'x a', 'h'],
    ['Conv', 'z b', 'y'],
  ]
  const model = twoLayers(floatTensor('b', [32, 8, 2, 2], VALUES), {
    calls,
    inputs: { x: [2, 32], z: [1, 8, 3, 3] },
  })
  expect(await layersOf(model)).toEqual(['model.a', 'model.b'])
})

test('a weight that a caller may set is not merged', async () => {
  const model = twoLayers(floatTensor('b', SHAPE, VALUES), { inputs: { x: [2, 32], b: SHAPE } })
  expect(await layersOf(model)).toEqual(['model.a', 'model.b'])
})

test('what is only carried is not merged', async () => {
  const model = twoLayers(floatTensor('b', SHAPE, VALUES), {
    calls: [
      ['Add', 'x a', 'h'],
      ['Add', 'h b', 'y'],
    ],
    inputs: { x: SHAPE },
  })
  const { document, source } = await quantizeModelFile(model, 'int8')
  expect(document.model).toEqual(source.document.model)
  expect(document.model.graph?.initializer).toHaveLength(2)
})

test('a table and a layer of the same bytes stay two: they have forms of their own', async () => {
  const model = twoLayers(floatTensor('b', SHAPE, VALUES), {
    calls: [
      ['Gather', 'a ids', 'h'],
      ['Gemm', 'h b', 'y', { transB: { kind: 'int', value: 1 } }],
    ],
    inputs: { ids: [3] },
    types: { ids: 7 },
  })
  expect(await layersOf(model)).toEqual(['model.a', 'model.b'])
})
