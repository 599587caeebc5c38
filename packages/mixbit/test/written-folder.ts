import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema } from '../../core/src/formats/onnx/generated/onnx_pb.ts'

/** What one tensor takes on disk, and in which file. */
export type StoredTensor = { readonly bytes: number; readonly file: string }

/** Sizes of the files in `onnx/`, by name. */
export function modelFiles(folder: string): ReadonlyMap<string, number> {
  const onnx = join(folder, 'onnx')
  return new Map(readdirSync(onnx).map((name) => [name, statSync(join(onnx, name)).size]))
}

/** Path below `folder` to sha256, for every file in it that does not depend on time. */
export function modelHashes(folder: string): Readonly<Record<string, string>> {
  const names = [...modelFiles(folder).keys()].map((name) => `onnx/${name}`)
  return Object.fromEntries(
    ['config.json', 'mixbit.json', ...names].map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  )
}

/** Initializers of a graph as they lie on disk: no code of ours reads them but the protobuf table. */
export function storedTensors(graph: string): ReadonlyMap<string, StoredTensor> {
  const model = fromBinary(ModelProtoSchema, readFileSync(graph))
  return new Map(
    (model.graph?.initializer ?? []).map((tensor) => {
      const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]))
      const location = entries.get('location')
      return [
        tensor.name,
        location === undefined
          ? { bytes: tensor.rawData.length, file: basename(graph) }
          : { bytes: Number(entries.get('length')), file: location },
      ]
    }),
  )
}
