import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'

import { mergeConfig } from '../src/config/merge-config.ts'
import { readModelFolder } from '../src/convert/read-model.ts'
import type { ModelProto, TensorProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from '../src/formats/onnx/generated/onnx_pb.ts'
import { ints } from '../src/graph/builder.ts'
import { auditFolder } from '../src/pipeline/audit-folder.ts'
import { auditOnnxFolder, planOnnxFolder, readOnnxFolderPlan } from '../src/pipeline/onnx-folder.ts'
import { quantizeOnnxFolder } from '../src/pipeline/write-onnx-folder.ts'
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

describe('a table that two graphs have in one data file', () => {
  const ROWS = 1100
  const COLUMNS = 64
  const TABLE = Float32Array.from(wave(ROWS * COLUMNS, 7))

  /** The table as an initializer that lies in the data file of the first graph. */
  function external(name: string): TensorProto {
    const tensor = floatTensor(name, [ROWS, COLUMNS], [])
    const entries = { location: 'embed_tokens.onnx_data', offset: 64, length: TABLE.byteLength }
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL
    tensor.externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value: String(value) }),
    )
    return tensor
  }

  const LOOKUP = fileModel({
    calls: [['Gather', 'table ids', 'y']],
    weights: [external('table')],
    inputs: { ids: [4] },
    types: { ids: 7 },
  })
  const HEAD = fileModel({
    calls: [
      ['MatMul', 'x own', 'h'],
      ['Transpose', 'head', 't', { perm: ints([1, 0]) }],
      ['MatMul', 'h t', 'y'],
    ],
    weights: [external('head'), floatTensor('own', [COLUMNS, COLUMNS])],
    inputs: { x: [2, COLUMNS] },
  })

  function sharedHost(): MemoryHost {
    const data = new Uint8Array(64 + TABLE.byteLength)
    data.set(new Uint8Array(TABLE.buffer), 64)
    return memoryHost(
      new Map([
        ['m/onnx/decoder_model_merged.onnx', toBinary(ModelProtoSchema, HEAD)],
        ['m/onnx/embed_tokens.onnx', toBinary(ModelProtoSchema, LOOKUP)],
        ['m/onnx/embed_tokens.onnx_data', data],
      ]),
    )
  }

  type Tables = 'shared' | 'copied'

  async function made(precision: string, tables: Tables = 'shared') {
    const host = sharedHost()
    const model = await readModelFolder(host, 'm')
    if (model.kind !== 'onnx-folder') throw new TypeError('the folder holds graphs')
    const audited = await auditOnnxFolder(host, model)
    const plan = planOnnxFolder(audited, mergeConfig({ precision }, {}), tables)
    const { audit, shared } = audited
    const request = { model, audit, plan, folder: 'out' }
    const written = await quantizeOnnxFolder(
      host,
      tables === 'shared' ? { ...request, shared } : request,
    )
    return { host, plan, written }
  }

  /** The values of a written graph's weight behind its output, by running it. */
  async function run(
    host: MemoryHost,
    graph: string,
    feeds: Readonly<Record<string, Tensor>>,
  ): Promise<Tensor> {
    const path =
      [...host.files.keys()].find(
        (each) => each.startsWith(`out/onnx/${graph}`) && each.endsWith('.onnx'),
      ) ?? ''
    const model = fromBinary(ModelProtoSchema, host.files.get(path) ?? new Uint8Array(0))
    for (const tensor of model.graph?.initializer ?? []) {
      const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]))
      const location = entries.get('location')
      if (location === undefined) continue
      const at = Number(entries.get('offset'))
      const data = host.files.get(`out/onnx/${location}`) ?? new Uint8Array(0)
      tensor.rawData = data.slice(at, at + Number(entries.get('length')))
      tensor.externalData = []
      tensor.dataLocation = TensorProto_DataLocation.DEFAULT
    }
    const [output] = await runModel(model, feeds)
    if (output === undefined) throw new TypeError('there is one output')
    return output
  }

  const bytesOf = ({ host }: { readonly host: MemoryHost }): number =>
    [...host.files].reduce(
      (sum, [path, { length }]) => sum + (/^out\/onnx\/.*_data$/u.test(path) ? length : 0),
      0,
    )

  const IDS = { ids: new Tensor('int64', BigInt64Array.of(0n, 1n, 99n, 1099n), [4]) }
  const X = { x: new Tensor('float32', Float32Array.from(wave(2 * COLUMNS, 3)), [2, COLUMNS]) }

  test.for(['fp32', 'fp16', 'int4', 'int2/asym'])(
    'is stored once as %s, and both graphs give what they give with copies',
    async (precision) => {
      const once = await made(precision)
      const twice = await made(precision, 'copied')
      const finding = { code: 'table-shared', subject: 'decoder_model_merged.head' }
      expect(once.plan.findings).toContainEqual(expect.objectContaining(finding))
      expect(twice.plan.findings).toContainEqual(
        expect.objectContaining({ ...finding, code: 'table-copied' }),
      )
      const own = once.plan.layers.find(({ layer }) => layer === 'decoder_model_merged.head')
      expect(own?.bytes).toEqual({ codes: 0, scales: 0, zeroPoints: 0 })
      const saved = twice.plan.bytes - once.plan.bytes
      // Alignment may take up to 64 bytes a part.
      expect(Math.abs(bytesOf(twice) - bytesOf(once) - saved)).toBeLessThan(200)
      for (const [graph, feeds] of [
        ['embed_tokens', IDS],
        ['decoder_model_merged', X],
      ] as const) {
        const [a, b] = [await run(once.host, graph, feeds), await run(twice.host, graph, feeds)]
        expect(a.data).toEqual(b.data)
        expect(a.data.some((value) => Number(value) !== 0)).toBe(true)
      }
    },
  )

  test('stays shared when the plan is given back', async () => {
    const { host, plan } = await made('int4')
    const model = await readModelFolder(host, 'm')
    if (model.kind !== 'onnx-folder') throw new TypeError('the folder holds graphs')
    const audited = await auditOnnxFolder(host, model)
    const again = await readOnnxFolderPlan(host, audited, 'out/plan.json')
    expect(again).toEqual(JSON.parse(JSON.stringify(plan)))
  })

  test('that is stored otherwise for each is stored twice, and a finding says so', async () => {
    const { plan } = await made('int8')
    expect(plan.findings).toContainEqual(
      expect.objectContaining({
        code: 'table-copied',
        message: expect.stringMatching(
          /^"decoder_model_merged\.head" lay in the bytes of .*: \d+ bytes more\.$/u,
        ),
      }),
    )
  })
})
