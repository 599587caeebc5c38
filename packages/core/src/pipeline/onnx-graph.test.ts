import { create, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'

import type { ByteSource } from '../base/bytes.ts'
import { memorySource } from '../base/bytes.ts'
import {
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
} from '../formats/onnx/generated/onnx_pb.ts'
import { withOnnxGraph } from './onnx-graph.ts'

/** Four bytes of float32 in a file of their own. */
function graphBytes(): Uint8Array {
  const tensor = {
    name: 'weight',
    dims: [1n],
    dataType: TensorProto_DataType.FLOAT,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [{ key: 'location', value: 'weights' }],
  }
  const model = {
    irVersion: 10n,
    opsetImport: [{ version: 21n }],
    graph: { initializer: [tensor] },
  }
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, model))
}

/** A host over files in memory that knows which are open. */
function countingHost(files: Readonly<Record<string, Uint8Array>>) {
  const open = new Set<ByteSource>()
  return {
    open,
    host: {
      within: (folder: string, relative: string) => `${folder}/${relative}`,
      open(path: string): Promise<ByteSource> {
        const bytes = files[path]
        if (bytes === undefined) return Promise.reject(new Error(`No ${path}`))
        const source: ByteSource = {
          ...memorySource(path, bytes),
          close: () => Promise.resolve(void open.delete(source)),
        }
        open.add(source)
        return Promise.resolve(source)
      },
    },
  }
}

const files = { 'onnx/a.onnx': graphBytes(), 'onnx/weights': new Uint8Array(4) }

test('a graph and its data are open while they are used, and closed afterwards', async () => {
  const { host, open } = countingHost(files)
  const used = await withOnnxGraph(host, 'onnx/a.onnx', 'onnx', ({ weights }) => {
    expect([...weights.keys()]).toEqual(['weight'])
    return open.size
  })
  expect(used).toBe(2)
  expect(open.size).toBe(0)
})

test('they are closed as well when reading or using fails', async () => {
  const short = countingHost({ ...files, 'onnx/weights': new Uint8Array(3) })
  const reading = withOnnxGraph(short.host, 'onnx/a.onnx', 'onnx', () => 0)
  await expect(reading).rejects.toMatchObject({ code: 'external-data' })
  expect(short.open.size).toBe(0)

  const whole = countingHost(files)
  const using = withOnnxGraph(whole.host, 'onnx/a.onnx', 'onnx', () =>
    Promise.reject(new Error('no')),
  )
  await expect(using).rejects.toThrow('no')
  expect(whole.open.size).toBe(0)
})
