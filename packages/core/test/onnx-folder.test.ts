import { toBinary } from '@bufbuild/protobuf'
import { Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'

import { mergeConfig } from '../src/config/merge-config.ts'
import { readModelFolder } from '../src/convert/read-model.ts'
import type { ModelProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema } from '../src/formats/onnx/generated/onnx_pb.ts'
import { auditFolder } from '../src/pipeline/audit-folder.ts'
import { auditOnnxFolder, planOnnxFolder, quantizeOnnxFolder } from '../src/pipeline/onnx-folder.ts'
import type { WrittenModel } from '../src/quantize/write-model.ts'
import type { MemoryHost } from './helpers/memory-host.ts'
import { memoryHost } from './helpers/memory-host.ts'
import { fileModel, floatTensor, runModel, sqnrDb, wave } from './helpers/onnx-file.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Tokens to states: a table and two layers. */
const ENCODER = fileModel({
  calls: [
    ['Gather', 'table ids', 'a'],
    ['MatMul', 'a layers.0.w', 'b'],
    ['Relu', 'b', 'c'],
    ['MatMul', 'c layers.1.w', 'y'],
  ],
  weights: [
    floatTensor('table', [100, 64]),
    floatTensor('layers.0.w', [64, 64]),
    floatTensor('layers.1.w', [64, 64]),
  ],
  inputs: { ids: [4] },
  types: { ids: 7 },
})

/** Pictures to scores; by names that the encoder has, too. */
const VISION = fileModel({
  calls: [
    ['Conv', 'x layers.0.w', 'a'],
    ['Relu', 'a', 'y'],
  ],
  weights: [floatTensor('layers.0.w', [32, 16, 3, 3])],
  inputs: { x: [1, 16, 6, 6] },
  opset: 13,
})

function folderHost(more: Readonly<Record<string, Uint8Array>> = {}): MemoryHost {
  const bytes = (model: ModelProto): Uint8Array => toBinary(ModelProtoSchema, model)
  return memoryHost(
    new Map(
      Object.entries({
        'm/config.json': text('{"model_type": "clip", "vocab": 100}'),
        'm/tokenizer.json': text('{"a": 1}'),
        'm/spiece.model': text('pieces'),
        'm/model.safetensors': text('not these'),
        'm/onnx/text_model.onnx': bytes(ENCODER),
        'm/onnx/vision_model.onnx': bytes(VISION),
        ...more,
      }),
    ),
  )
}

async function quantizeFolder(
  host: MemoryHost,
  settings: Parameters<typeof mergeConfig>[0],
): Promise<WrittenModel> {
  const model = await readModelFolder(host, 'm')
  if (model.kind !== 'onnx-folder') throw new TypeError('the folder holds graphs')
  const audited = await auditOnnxFolder(host, model)
  const plan = planOnnxFolder(audited, mergeConfig(settings, {}))
  return quantizeOnnxFolder(host, { model, audit: audited.audit, plan, folder: 'out' })
}

const json = (host: MemoryHost, path: string): unknown =>
  JSON.parse(new TextDecoder().decode(host.files.get(path)))

test('a folder of any task becomes one that transformers.js reads without options', async () => {
  const host = folderHost()
  const { manifest, bytes } = await quantizeFolder(host, {
    components: { text_model: 'int4', vision_model: 'int8' },
    protect: false,
  })
  const written = [...host.files.keys()].filter((path) => path.startsWith('out/')).toSorted()
  expect(written).toEqual([
    'out/config.json',
    'out/mixbit.json',
    'out/onnx/text_model_q4.onnx',
    'out/onnx/vision_model_quantized.onnx',
    'out/plan.json',
    'out/spiece.model',
    'out/tokenizer.json',
  ])
  expect(json(host, 'out/config.json')).toEqual({
    model_type: 'clip',
    vocab: 100,
    'transformers.js_config': { dtype: { text_model: 'q4', vision_model: 'q8' } },
  })
  expect(host.files.get('out/spiece.model')).toEqual(text('pieces'))
  expect(manifest.sessions).toEqual({
    text_model: 'onnx/text_model_q4.onnx',
    vision_model: 'onnx/vision_model_quantized.onnx',
  })
  expect(Object.keys(manifest.components)).toEqual(['text_model', 'vision_model'])
  expect(bytes).toBe(
    (host.files.get('out/onnx/text_model_q4.onnx')?.length ?? 0) +
      (host.files.get('out/onnx/vision_model_quantized.onnx')?.length ?? 0),
  )
})

test('each graph gives near to the same numbers', async () => {
  const host = folderHost()
  await quantizeFolder(host, { precision: 'int8' })
  const ids = new Tensor('int64', BigInt64Array.of(3n, 99n, 0n, 50n), [4])
  const x = new Tensor('float32', Float32Array.from(wave(16 * 36)), [1, 16, 6, 6])
  for (const { file, model, feeds } of [
    { file: 'text_model', model: ENCODER, feeds: { ids } },
    { file: 'vision_model', model: VISION, feeds: { x } },
  ]) {
    const bytes = host.files.get(`out/onnx/${file}_quantized.onnx`) ?? new Uint8Array(0)
    const [[before], [after]] = [await runModel(model, feeds), await runModel(bytes, feeds)]
    expect(sqnrDb(before, after)).toBeGreaterThan(38)
  }
})

test('a component that is not asked for stays as it is', async () => {
  const host = folderHost()
  await quantizeFolder(host, { layers: [{ pattern: 'text_model.*', precision: 'int8' }] })
  expect(host.files.get('out/onnx/vision_model.onnx')).toEqual(toBinary(ModelProtoSchema, VISION))
})

test('of several variants the float one is read', async () => {
  const host = folderHost({
    'm/onnx/text_model_q4.onnx': text('broken'),
    'm/onnx/vision_model_fp16.onnx': text(''),
  })
  const { manifest } = await quantizeFolder(host, { precision: 'int8' })
  expect(Object.keys(manifest.sessions)).toEqual(['text_model', 'vision_model'])
})

test('the written folder can be read and audited again', async () => {
  const host = folderHost()
  await quantizeFolder(host, { precision: 'int8' })
  const written = memoryHost(new Map([...host.files].filter(([path]) => path.startsWith('out/'))))
  const model = await readModelFolder(written, 'out')
  if (model.kind !== 'onnx-folder') throw new TypeError('the folder holds graphs')
  const audit = await auditFolder(written, model)
  expect(Object.keys(audit.components)).toEqual(['text_model', 'vision_model'])
  const again = await auditOnnxFolder(written, model)
  expect(() => planOnnxFolder(again, mergeConfig({ precision: 'int4' }, {}))).toThrow(
    expect.objectContaining({ code: 'unsupported-model' }),
  )
})

test.for([
  { what: 'a component that is not there', settings: { components: { decoder: 'int4' } } },
  {
    what: 'a pattern that matches nothing',
    settings: { layers: [{ pattern: 'x*', precision: 'int4' }] },
  },
])('$what is refused', async ({ settings }) => {
  await expect(quantizeFolder(folderHost(), settings)).rejects.toMatchObject({
    code: 'pattern-without-match',
  })
})
