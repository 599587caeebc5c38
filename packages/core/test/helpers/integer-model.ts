import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'

import { memorySource } from '../../src/base/bytes.ts'
import type { JobContext, NamedTensors, Session } from '../../src/base/host.ts'
import { mergeConfig } from '../../src/config/merge-config.ts'
import type { ResolvedConfig } from '../../src/config/merge-config.ts'
import type { Settings } from '../../src/config/settings.ts'
import type { OnnxFileModel } from '../../src/convert/read-onnx-file.ts'
import { readOnnx } from '../../src/formats/onnx/read-onnx.ts'
import type { ModelProto, NodeProto } from '../../src/formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema, TensorProto_DataType } from '../../src/formats/onnx/generated/onnx_pb.ts'
import type { NewConstant } from '../../src/formats/onnx/opset/constants.ts'
import { constantTensor } from '../../src/formats/onnx/opset/constants.ts'
import type { MemoryHost } from './memory-host.ts'
import { memoryHost } from './memory-host.ts'
import { random, value } from './opset.ts'

const { FLOAT } = TensorProto_DataType

/** A model with one float input `x` and one float output `y`. */
export type SmallModel = {
  readonly nodes: readonly NodeProto[]
  readonly shape: readonly number[]
  readonly constants?: Readonly<Record<string, NewConstant>>
  readonly outputs?: readonly string[]
}

export function smallModel({ nodes, shape, constants, outputs = ['y'] }: SmallModel): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 13n }],
    graph: {
      name: 'g',
      node: [...nodes],
      initializer: Object.entries(constants ?? {}).map(([name, c]) => constantTensor(name, c)),
      input: [value('x', FLOAT, shape)],
      output: outputs.map((name) => value(name, FLOAT)),
    },
  })
}

/** Seeded values as a constant. */
export function constant(dims: readonly number[], seed: number, factor = 1): NewConstant {
  const values = [...floats(random(dims, seed))].map((x) => Math.fround(x * factor))
  return { elementType: FLOAT, dims, values }
}

export function floats(tensor: Tensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data
  throw new TypeError('This is no float32 tensor')
}

/** A model file in memory. */
export async function fileModel(model: ModelProto): Promise<OnnxFileModel> {
  const bytes = toBinary(ModelProtoSchema, model)
  const refuse = (): never => {
    throw new TypeError('this model has no external data')
  }
  return {
    kind: 'onnx-file',
    format: 'onnx',
    path: 'model.onnx',
    bytes: bytes.length,
    document: await readOnnx(memorySource('model.onnx', bytes), { openExternal: refuse }),
    hasExternalData: false,
    findings: [],
    close: () => Promise.resolve(),
  }
}

/** A host in memory whose jobs run models with ONNX Runtime. */
export function runningHost(files: ReadonlyMap<string, Uint8Array> = new Map()): MemoryHost {
  const context: JobContext = {
    session: (path) => openSession(host.files.get(path)),
    decodeImage: () => Promise.reject(new TypeError('this host has no pictures')),
    tokenizer: () => Promise.reject(new TypeError('this host has no tokenizers')),
  }
  const host: MemoryHost = memoryHost(files, context)
  return host
}

async function openSession(bytes: Uint8Array | undefined): Promise<Session> {
  if (bytes === undefined) throw new TypeError('There is no such model')
  const session = await InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  })
  const facts = (list: readonly InferenceSession.ValueMetadata[]) =>
    list.map((each) =>
      each.isTensor
        ? { name: each.name, dtype: each.type, shape: each.shape }
        : { name: each.name, dtype: '', shape: [] },
    )
  return {
    inputs: facts(session.inputMetadata),
    outputs: facts(session.outputMetadata),
    run: async (feeds, wanted) => {
      const results = await session.run(ortFeeds(feeds), wanted ?? session.outputNames)
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [
          name,
          { dtype: 'float32', shape: tensor.dims, data: floats(tensor) } as const,
        ]),
      )
    },
    release: () => session.release(),
  }
}

function ortFeeds(feeds: NamedTensors): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { shape, data }]) => {
      if (!(data instanceof Float32Array)) throw new TypeError('Test models read float32')
      return [name, new Tensor('float32', data, shape)]
    }),
  )
}

/** Calibration data of input `x`: a descriptor and a .npy file, as a host has them. */
export function calibrationFiles(samples: readonly Tensor[]): ReadonlyMap<string, Uint8Array> {
  const dims = samples[0]?.dims ?? []
  const shape = [samples.length, ...dims].join(', ')
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`
  const header = Buffer.alloc(128, ' ')
  header.write('\x93NUMPY\x01\x00', 0, 'latin1')
  header.writeUInt16LE(118, 8)
  header.write(text, 10, 'latin1')
  header[127] = 10
  const values = samples.map((sample) => Buffer.from(floats(sample).slice().buffer))
  const descriptor = JSON.stringify({ kind: 'tensors', inputs: { x: 'x.npy' } })
  return new Map([
    ['data/cal.json', new TextEncoder().encode(descriptor)],
    ['data/x.npy', new Uint8Array(Buffer.concat([header, ...values]))],
  ])
}

export function config(settings: Settings): ResolvedConfig {
  return mergeConfig({ ...settings, calibration: { data: 'data/cal.json' } }, {})
}

/** Runs a file of the host in ONNX Runtime with all its optimisations. */
export async function runFile(
  bytes: Uint8Array | undefined,
  x: Tensor,
): Promise<ReadonlyMap<string, Float32Array>> {
  if (bytes === undefined) throw new TypeError('There is no such file')
  const options = { intraOpNumThreads: 1, logSeverityLevel: 4 } as const
  const session = await InferenceSession.create(bytes, options)
  try {
    const results = await session.run({ x })
    return new Map(Object.entries(results).map(([name, tensor]) => [name, floats(tensor)]))
  } finally {
    await session.release()
  }
}

/** The operators that ONNX Runtime runs for a file, sorted. */
export async function optimisedOperators(
  bytes: Uint8Array | undefined,
): Promise<readonly string[]> {
  if (bytes === undefined) throw new TypeError('There is no such file')
  const folder = mkdtempSync(join(tmpdir(), 'mixbit-test-'))
  try {
    const file = join(folder, 'optimised.onnx')
    const session = await InferenceSession.create(bytes, {
      optimizedModelFilePath: file,
      logSeverityLevel: 4,
      intraOpNumThreads: 1,
    })
    await session.release()
    const model = fromBinary(ModelProtoSchema, readFileSync(file))
    return (model.graph?.node ?? []).map(({ opType }) => opType).toSorted()
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Signal to noise of `y` against `x`, in decibels. */
export function sqnrDb(x: Float32Array | undefined, y: Float32Array | undefined): number {
  if (x === undefined || y === undefined || x.length !== y.length) return -Infinity
  let [signal, noise] = [0, 0]
  for (const [i, a] of x.entries()) {
    signal += a * a
    noise += (a - (y[i] ?? NaN)) ** 2
  }
  return 10 * Math.log10(signal / noise)
}
