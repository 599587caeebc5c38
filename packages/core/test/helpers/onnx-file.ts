import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { InferenceSession, Tensor } from 'onnxruntime-node'

import { memorySource } from '../../src/base/bytes.ts'
import { mergeConfig } from '../../src/config/merge-config.ts'
import type { OnnxFileModel } from '../../src/convert/read-onnx-file.ts'
import { readOnnxFile } from '../../src/convert/read-onnx-file.ts'
import type { OnnxDocument } from '../../src/formats/onnx/document.ts'
import type {
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
} from '../../src/formats/onnx/generated/onnx_pb.ts'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProtoSchema,
} from '../../src/formats/onnx/generated/onnx_pb.ts'
import { ONNX_DATA_TYPE } from '../../src/formats/onnx/data-types.ts'
import { onnxNode } from '../../src/formats/onnx/nodes.ts'
import { readOnnx } from '../../src/formats/onnx/read-onnx.ts'
import type { Attribute } from '../../src/graph/graph.ts'
import { auditOnnxFile, planOnnxFile, quantizeOnnxFile } from '../../src/pipeline/onnx-file.ts'
import type { WrittenOnnx } from '../../src/pipeline/onnx-file.ts'
import type { Plan } from '../../src/plan/plan-types.ts'
import { floatToBfloat16, floatToHalf } from '../../src/tensor/float16.ts'
import { rowsOf } from '../../src/tensor/weight.ts'
import type { MemoryHost } from './memory-host.ts'
import { memoryHost } from './memory-host.ts'
import { value } from './opset.ts'

type FloatType = 'float32' | 'float16' | 'bfloat16'

/** `[op, inputs, outputs, attributes, domain]`; names are separated by spaces, `-` is none. */
export type FileCall = readonly [
  op: string,
  inputs: string,
  outputs: string,
  attributes?: Readonly<Record<string, Attribute>>,
  domain?: string,
]

/** Values of every size and sign, the same for the same seed (a linear congruential generator). */
export function wave(count: number, seed = 1): readonly number[] {
  let state = seed * 2_654_435_761 + 12_345
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  return Array.from({ length: count }, () => (next() + next() + next() - 1.5) * 0.3)
}

/** A float tensor with its values in raw_data. */
export function floatTensor(
  name: string,
  shape: readonly number[],
  values: readonly number[] = wave(
    shape.reduce((a, b) => a * b, 1),
    name.length,
  ),
  dtype: FloatType = 'float32',
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: ONNX_DATA_TYPE[dtype],
    rawData: floatBytes(values, dtype),
  })
}

function floatBytes(values: readonly number[], dtype: FloatType): Uint8Array {
  switch (dtype) {
    case 'float32':
      return new Uint8Array(Float32Array.from(values).buffer)
    case 'float16':
      return new Uint8Array(Uint16Array.from(values, floatToHalf).buffer)
    case 'bfloat16':
      return new Uint8Array(Uint16Array.from(values, floatToBfloat16).buffer)
  }
}

export function fileNodes(calls: readonly FileCall[]): NodeProto[] {
  return calls.map(([op, inputs, outputs, attributes = {}, domain = '']) =>
    onnxNode({
      op,
      domain,
      name: `${op}_${outputs.split(' ')[0]}`,
      inputs: inputs.split(' ').map((name) => (name === '-' ? '' : name)),
      outputs: outputs.split(' '),
      attributes,
    }),
  )
}

/** Constant(tensor) -> the tensor's name. */
export function constantNode(tensor: TensorProto): NodeProto {
  const node = onnxNode({ op: 'Constant', name: tensor.name, inputs: [], outputs: [tensor.name] })
  node.attribute = [
    create(AttributeProtoSchema, {
      name: 'value',
      type: AttributeProto_AttributeType.TENSOR,
      t: tensor,
    }),
  ]
  return node
}

export function graphAttribute(node: NodeProto, name: string, g: GraphProto): void {
  node.attribute.push(
    create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g }),
  )
}

export type FileModel = {
  readonly calls?: readonly FileCall[]
  readonly nodes?: readonly NodeProto[]
  readonly weights?: readonly TensorProto[]
  /** Name to shape; float32 unless named in `types`. */
  readonly inputs?: Readonly<Record<string, readonly number[]>>
  readonly outputs?: readonly string[]
  readonly types?: Readonly<Record<string, number>>
  readonly opset?: number
  readonly ir?: bigint
  readonly domains?: readonly string[]
}

/** A model of one file; its output is `y` by default. */
export function fileModel(test: FileModel): ModelProto {
  const typeOf = (name: string): number => test.types?.[name] ?? ONNX_DATA_TYPE.float32
  return create(ModelProtoSchema, {
    irVersion: test.ir ?? 8n,
    opsetImport: [
      { domain: '', version: BigInt(test.opset ?? 17) },
      ...(test.domains ?? []).map((domain) => ({ domain, version: 1n })),
    ],
    graph: fileGraph(test, typeOf),
  })
}

function fileGraph(test: FileModel, typeOf: (name: string) => number): GraphProto {
  return create(GraphProtoSchema, {
    name: 'g',
    node: [...(test.nodes ?? []), ...fileNodes(test.calls ?? [])],
    initializer: [...(test.weights ?? [])],
    input: Object.entries(test.inputs ?? {}).map(([name, shape]) =>
      value(name, typeOf(name), shape),
    ),
    output: (test.outputs ?? ['y']).map((name) => value(name, typeOf(name))),
  })
}

/** A graph for the inside of a node: no inputs. */
export function innerGraph(
  calls: readonly FileCall[],
  weights: readonly TensorProto[],
  outputs: readonly string[],
  nodes: readonly NodeProto[] = [],
): GraphProto {
  return fileGraph({ calls, weights, outputs, nodes }, () => ONNX_DATA_TYPE.float32)
}

/** A host that holds the model as `model.onnx`. */
export function hostWith(
  model: ModelProto,
  more: ReadonlyMap<string, Uint8Array> = new Map(),
): MemoryHost {
  return memoryHost(new Map([['./model.onnx', toBinary(ModelProtoSchema, model)], ...more]))
}

export type QuantizedFile = {
  readonly host: MemoryHost
  readonly plan: Plan
  readonly written: WrittenOnnx
  readonly source: OnnxFileModel
  /** Without weights of more than 1 KiB, as reading gives it. */
  readonly document: OnnxDocument
  readonly bytes: Uint8Array
}

/** Takes a model through audit, plan and quantize. */
export async function quantizeModelFile(
  model: ModelProto,
  precision: string,
  host: MemoryHost = hostWith(model),
): Promise<QuantizedFile> {
  const source = await readOnnxFile(host, './model.onnx')
  const audit = await auditOnnxFile(host, source)
  const plan = planOnnxFile(source, audit, mergeConfig({ precision }, {}))
  const written = await quantizeOnnxFile(host, {
    model: source,
    audit,
    plan,
    folder: 'out',
    name: 'q',
  })
  const bytes = host.files.get('out/q.onnx') ?? new Uint8Array(0)
  const document = await readOnnx(memorySource('q.onnx', bytes), {
    openExternal: (path) => host.open(`out/${path}`),
  })
  return { host, plan, written, source, document, bytes }
}

/** Every call of the main graph, as `Op(a, b) -> c`. */
export function callsOf(bytes: Uint8Array): readonly string[] {
  const graph = fromBinary(ModelProtoSchema, bytes).graph
  return (graph?.node ?? []).map(
    ({ opType, input, output }) => `${opType}(${input.join(', ')}) -> ${output.join(', ')}`,
  )
}

export type Feeds = Readonly<Record<string, Tensor>>

/** Runs a model as it is, without optimisation. */
export async function runModel(model: ModelProto | Uint8Array, feeds: Feeds): Promise<Tensor[]> {
  const bytes = model instanceof Uint8Array ? model : toBinary(ModelProtoSchema, model)
  const session = await InferenceSession.create(bytes, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  })
  try {
    return Object.values(await session.run(feeds))
  } finally {
    await session.release()
  }
}

/** 10 log10(sum a^2 / sum (a - b)^2); infinite when equal, minus infinity when not alike. */
export function sqnrDb(a: Tensor | undefined, b: Tensor | undefined): number {
  if (a === undefined || b === undefined || a.data.length !== b.data.length) return -Infinity
  let signal = 0
  let noise = 0
  for (let i = 0; i < a.data.length; i++) {
    const [p, q] = [Number(a.data[i]), Number(b.data[i])]
    if (!Number.isFinite(p) || !Number.isFinite(q)) return -Infinity
    signal += p * p
    noise += (p - q) ** 2
  }
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise)
}

/** Seeded float32 values, or ids below 7 for int64. */
export function feedsOf(
  inputs: Readonly<Record<string, readonly number[]>>,
  ids: readonly string[] = [],
): Feeds {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, shape], at) => {
      const count = shape.reduce((a, b) => a * b, 1)
      const tensor = ids.includes(name)
        ? new Tensor(
            'int64',
            BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 5) % 7)),
            shape,
          )
        : new Tensor('float32', Float32Array.from(wave(count, at + 5)), shape)
      return [name, tensor] as const
    }),
  )
}

/** All values of a float weight of a document. */
export function valuesOf(document: OnnxDocument, name: string): Promise<Float32Array> {
  const weight = document.weights.get(name)
  if (weight === undefined) throw new TypeError(`"${name}" is no lazy weight`)
  return weight.readRows(0, rowsOf(weight.shape))
}
