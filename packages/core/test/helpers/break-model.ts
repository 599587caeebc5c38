import { clone, create, toBinary } from '@bufbuild/protobuf'

import type {
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
} from '../../src/formats/onnx/generated/onnx_pb.ts'
import {
  AttributeProtoSchema,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from '../../src/formats/onnx/generated/onnx_pb.ts'
import { bodiesOf } from '../../src/formats/onnx/bodies.ts'

/** Numbers in [0, 1), the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = Math.imul(seed + 1, 2_654_435_761) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

type Random = () => number

function pick<Item>(random: Random, items: readonly Item[]): Item | undefined {
  return items[Math.floor(random() * items.length)]
}

const ABSURD_INTS = [-1n, 0n, 2n, 7n, 1_000_003n, 2n ** 31n, 2n ** 53n, -(2n ** 62n), 2n ** 62n]
const DATA_TYPES = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 14, 16, 17, 21, 22, 25, 99]
const PLACES = [
  '../../secret',
  '/etc/passwd',
  'missing.bin',
  '',
  'model.onnx',
  'a\0b',
  'C:\\x',
  '..',
]
const OPERATORS = [
  'Conv',
  'ConvTranspose',
  'MatMul',
  'Gemm',
  'Gather',
  'LSTM',
  'GRU',
  'Transpose',
  'Identity',
  'If',
  'Reshape',
  'Concat',
  'constructor',
  '',
]

type Change = (random: Random, parts: Parts, model: ModelProto) => void

type Parts = {
  readonly graphs: readonly GraphProto[]
  readonly nodes: readonly NodeProto[]
  readonly tensors: readonly TensorProto[]
  readonly names: readonly string[]
}

const CHANGES: readonly Change[] = [
  // Another value is read: cycles, wrong ranks, values that nothing gives.
  (random, { nodes, names }) => {
    const node = pick(random, nodes)
    if (node === undefined || node.input.length === 0) return
    node.input[Math.floor(random() * node.input.length)] =
      pick(random, [...names, 'nothing', '']) ?? ''
  },
  (random, { nodes, names }) => {
    const node = pick(random, nodes)
    if (node === undefined || node.output.length === 0) return
    node.output[Math.floor(random() * node.output.length)] = pick(random, [...names, '']) ?? ''
  },
  (random, { nodes }) => {
    const node = pick(random, nodes)
    if (node !== undefined) node.input.splice(Math.floor(random() * 3), 1)
  },
  (random, { nodes }) => {
    const node = pick(random, nodes)
    if (node !== undefined) node.opType = pick(random, OPERATORS) ?? ''
  },
  (random, { nodes }) => {
    const node = pick(random, nodes)
    if (node !== undefined)
      node.domain = pick(random, ['com.microsoft', 'ai.onnx', 'x', '__proto__']) ?? ''
  },
  (random, { nodes }) => {
    const attribute = pick(random, pick(random, nodes)?.attribute ?? [])
    if (attribute === undefined) return
    attribute.i = pick(random, ABSURD_INTS) ?? 0n
    attribute.f = pick(random, [Number.NaN, Infinity, -1, 0, 1e38]) ?? 0
    attribute.ints = Array.from(
      { length: Math.floor(random() * 6) },
      () => pick(random, ABSURD_INTS) ?? 0n,
    )
  },
  (random, { nodes }) => {
    const node = pick(random, nodes)
    node?.attribute.splice(Math.floor(random() * 2), 1)
  },
  (random, { nodes }) => {
    const attribute = pick(random, pick(random, nodes)?.attribute ?? [])
    if (attribute !== undefined) attribute.type = pick(random, [0, 1, 2, 4, 5, 7]) ?? 0
  },
  (random, { graphs }) => {
    const graph = pick(random, graphs)
    graph?.initializer.splice(Math.floor(random() * graph.initializer.length), 1)
  },
  (random, { graphs }) => {
    const graph = pick(random, graphs)
    const tensor = pick(random, graph?.initializer ?? [])
    if (tensor !== undefined) graph?.initializer.push(tensor)
  },
  (random, { tensors, names }) => {
    const tensor = pick(random, tensors)
    if (tensor !== undefined) tensor.name = pick(random, [...names, '']) ?? ''
  },
  (random, { tensors }) => {
    const tensor = pick(random, tensors)
    if (tensor !== undefined) tensor.dataType = pick(random, DATA_TYPES) ?? 0
  },
  (random, { tensors }) => {
    const tensor = pick(random, tensors)
    if (tensor !== undefined && tensor.dims.length > 0) {
      tensor.dims[Math.floor(random() * tensor.dims.length)] = pick(random, ABSURD_INTS) ?? 0n
    }
  },
  (random, { tensors }) => {
    pick(random, tensors)?.dims.reverse()
  },
  (random, { tensors }) => {
    const tensor = pick(random, tensors)
    if (tensor !== undefined) tensor.rawData = tensor.rawData.subarray(Math.floor(random() * 9))
  },
  (random, { tensors }) => {
    const tensor = pick(random, tensors)
    if (tensor === undefined) return
    const entry = (key: string, value: string) =>
      create(StringStringEntryProtoSchema, { key, value })
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL
    tensor.rawData = new Uint8Array(0)
    tensor.externalData = [
      entry('location', pick(random, PLACES) ?? ''),
      entry('offset', String(pick(random, ABSURD_INTS) ?? 0n)),
    ]
  },
  (random, _, model) => {
    const opset = pick(random, model.opsetImport)
    if (opset !== undefined)
      opset.version = pick(random, [...ABSURD_INTS, 1n, 9n, 13n, 21n, 25n]) ?? 0n
  },
  (random, _, model) => {
    model.irVersion = pick(random, ABSURD_INTS) ?? 0n
  },
  (random, { graphs, names }) => {
    const output = pick(random, pick(random, graphs)?.output ?? [])
    if (output !== undefined) output.name = pick(random, names) ?? ''
  },
  (random, { nodes }) => {
    // A graph inside a node of its own.
    const holder = pick(random, nodes)
    const inner = nodes.flatMap(({ attribute }) => attribute).find(({ g }) => g !== undefined)
    if (holder !== undefined && inner !== undefined)
      holder.attribute.push(clone(AttributeProtoSchema, inner))
  },
]

/** A copy of a model with a few parts changed at random. */
export function brokenModel(model: ModelProto, seed: number): ModelProto {
  const random = seededRandom(seed)
  const broken = clone(ModelProtoSchema, model)
  const times = 1 + Math.floor(random() * 3)
  for (let i = 0; i < times; i++) pick(random, CHANGES)?.(random, partsOf(broken), broken)
  return broken
}

function partsOf(model: ModelProto): Parts {
  const graphs = bodiesOf(model).map(({ graph }) => graph)
  const nodes = graphs.flatMap(({ node }) => node)
  const constants = nodes.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? []))
  const tensors = [...graphs.flatMap(({ initializer }) => initializer), ...constants]
  const names = [...nodes.flatMap(({ output }) => output), ...tensors.map(({ name }) => name)]
  return { graphs, nodes, tensors, names }
}

/** A copy of bytes with some of them changed, taken out or cut off. */
export function brokenBytes(model: ModelProto, seed: number): Uint8Array {
  const random = seededRandom(seed)
  const bytes = toBinary(ModelProtoSchema, model)
  const at = Math.floor(random() * bytes.length)
  if (random() < 0.2) return bytes.subarray(0, at)
  if (random() < 0.2) return new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + 3)])
  for (let i = 0; i < 4; i++)
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
  return bytes
}
