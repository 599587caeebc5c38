import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { mergeConfig } from '../src/config/merge-config.ts'
import { readOnnxFile } from '../src/convert/read-onnx-file.ts'
import { memorySource } from '../src/base/bytes.ts'
import type { ModelProto, TensorProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import {
  FunctionProtoSchema,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from '../src/formats/onnx/generated/onnx_pb.ts'
import { initializer, readOnnx } from '../src/formats/onnx/read-onnx.ts'
import { auditOnnxFile, planOnnxFile, quantizeOnnxFile } from '../src/pipeline/onnx-file.ts'
import { rowsOf } from '../src/tensor/weight.ts'
import type { MemoryHost } from './helpers/memory-host.ts'
import { fileModel, fileNodes, floatTensor, hostWith, wave } from './helpers/onnx-file.ts'

/** Element types of tensors that nobody looks into, and bytes of a value. */
const CARRIED = [
  { dataType: 1, bytes: 4 },
  { dataType: 2, bytes: 1 },
  { dataType: 7, bytes: 8 },
  { dataType: 10, bytes: 2 },
  { dataType: 11, bytes: 8 },
  { dataType: 16, bytes: 2 },
] as const

function carriedTensor(
  name: string,
  type: (typeof CARRIED)[number],
  count: number,
  seed: number,
): TensorProto {
  const rawData = Uint8Array.from({ length: count * type.bytes }, (_, i) => (i * 31 + seed) % 251)
  return create(TensorProtoSchema, {
    name,
    dims: [BigInt(count)],
    dataType: type.dataType,
    rawData,
  })
}

/** Moves the values of every initializer into one data file. */
function withExternalData(model: ModelProto): Uint8Array {
  const pieces: Uint8Array[] = []
  let offset = 0
  for (const tensor of model.graph?.initializer ?? []) {
    const entry = (key: string, value: string | number) =>
      create(StringStringEntryProtoSchema, { key, value: String(value) })
    tensor.externalData = [
      entry('location', 'model.data'),
      entry('offset', offset),
      entry('length', tensor.rawData.length),
    ]
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL
    pieces.push(tensor.rawData)
    offset += tensor.rawData.length
    tensor.rawData = new Uint8Array(0)
  }
  return new Uint8Array(Buffer.concat(pieces))
}

async function quantizeOneLayer(host: MemoryHost): Promise<void> {
  const model = await readOnnxFile(host, './model.onnx')
  const audit = await auditOnnxFile(host, model)
  const config = mergeConfig({ layers: [{ pattern: 'model.w', precision: 'int4' }] }, {})
  const plan = planOnnxFile(model, audit, config)
  await quantizeOnnxFile(host, { model, audit, plan, folder: 'out', name: 'q' })
}

/** The stored bytes of a tensor, wherever they lie. */
async function bytesOf(
  host: MemoryHost,
  folder: string,
  file: string,
  name: string,
): Promise<Uint8Array> {
  const source = memorySource(file, host.files.get(`${folder}/${file}`) ?? new Uint8Array(0))
  const document = await readOnnx(source, {
    openExternal: (path) => host.open(`${folder}/${path}`),
  })
  const tensor = initializer(document, name)
  if (tensor === undefined) throw new TypeError(`"${name}" is not there`)
  return tensor.readStoredRows(0, rowsOf(tensor.shape))
}

test('every byte of a tensor that the plan does not change is written as it was read', async () => {
  const tensor = fc.record({
    type: fc.constantFrom(...CARRIED),
    count: fc.constantFrom(1, 7, 130, 600, 3000),
    seed: fc.nat(250),
  })
  const place = fc.constantFrom('inside' as const, 'external' as const)
  await fc.assert(
    fc.asyncProperty(fc.array(tensor, { maxLength: 5 }), place, async (tensors, where) => {
      const carried = tensors.map(({ type, count, seed }, at) =>
        carriedTensor(`t${at}`, type, count, seed),
      )
      const model = fileModel({
        calls: [
          ['MatMul', 'x w', 'a'],
          ['MatMul', 'a v', 'y'],
        ],
        weights: [
          ...carried,
          floatTensor('w', [32, 32]),
          floatTensor('v', [32, 32], wave(1024, 4)),
        ],
        inputs: { x: [1, 32] },
      })
      const data = where === 'external' ? withExternalData(model) : new Uint8Array(0)
      // By both spellings of the folder.
      const places = ['./model.data', './/model.data'].map((path) => [path, data] as const)
      const host = hostWith(model, new Map(places))
      await quantizeOneLayer(host)
      for (const name of [...carried.map((each) => each.name), 'v']) {
        const before = await bytesOf(host, '.', 'model.onnx', name)
        expect(await bytesOf(host, 'out', 'q.onnx', name)).toEqual(before)
      }
    }),
    { numRuns: 40 },
  )
})

test('functions, metadata, custom operators and unknown fields come along', async () => {
  const model = fileModel({
    calls: [
      ['MatMul', 'x w', 'a'],
      ['Mystery', 'a', 'b', { level: { kind: 'int', value: 3 } }, 'my.domain'],
      ['Doubled', 'b', 'y', {}, 'my.functions'],
    ],
    weights: [floatTensor('w', [32, 32])],
    inputs: { x: [1, 32] },
    domains: ['my.domain', 'my.functions'],
  })
  model.producerName = 'somebody'
  model.docString = 'said'
  model.metadataProps = [create(StringStringEntryProtoSchema, { key: 'k', value: 'v' })]
  model.functions = [
    create(FunctionProtoSchema, {
      domain: 'my.functions',
      name: 'Doubled',
      input: ['p'],
      output: ['q'],
      node: fileNodes([['Add', 'p p', 'q']]),
      opsetImport: [{ domain: '', version: 17n }],
    }),
  ]
  // Field 500 is in no version of onnx.proto.
  const unknown = Uint8Array.of(0xa2, 0x1f, 2, 104, 105)
  const bytes = new Uint8Array([...toBinary(ModelProtoSchema, model), ...unknown])
  const host = hostWith(model, new Map([['./model.onnx', bytes]]))
  await quantizeOneLayer(host)
  const written = host.files.get('out/q.onnx') ?? new Uint8Array(0)
  const read = await readOnnx(memorySource('q.onnx', written), {
    openExternal: () => Promise.reject(new TypeError('nothing is external')),
  })
  expect(read.model).toMatchObject({ producerName: 'somebody', docString: 'said' })
  expect(read.model.metadataProps).toEqual(model.metadataProps)
  expect(read.model.functions).toEqual(model.functions)
  expect(read.model.graph?.node.slice(-2)).toEqual(model.graph?.node.slice(-2))
  expect(Buffer.from(written).includes(Buffer.from(unknown))).toBe(true)
})
