import type { Weight } from '../../../tensor/weight.ts'
import { columnsOf, elementsOf, rowsOf } from '../../../tensor/weight.ts'
import type { NodeProto } from '../generated/onnx_pb.ts'
import { TensorProto_DataType } from '../generated/onnx_pb.ts'
import { floatOf, inputOf } from '../opset/node-edit.ts'
import { bytesOfValues, computedTensor } from './derived-tensor.ts'
import type { EditableDocument } from './editable.ts'
import {
  addComputed,
  addSmall,
  constantValues,
  dropUnread,
  readWhole,
  removeInitializer,
} from './editable.ts'
import type { GraphView } from './graph-view.ts'
import { graphView, isStandard } from './graph-view.ts'

/** What a node does to every channel of a convolution: y = factor * x + shift, in double. */
type ChannelMap = { readonly factor: Float64Array; readonly shift: Float64Array }

/** How many channels there are, and how many axes the value has: channels are on the second. */
type ChannelPlace = { readonly channels: number; readonly rank: number }

/** As ONNX says. */
const DEFAULT_EPSILON = 1e-5

/**
 * Folds BatchNormalization, and Add, Sub, Mul and Div by one constant a channel, into the convolution
 * before them. The runtime does the same with float weights, and cannot once they are integers.
 *
 * Computed in double and rounded once to float32.
 */
export async function foldIntoConvolutions(document: EditableDocument): Promise<void> {
  const { graph } = document
  const gone = new Set<NodeProto>()
  const replaced = new Set<string>()
  const view = graphView(graph)
  for (const conv of graph.node) {
    if (!isFoldable(document, view, conv)) continue
    const maps: ChannelMap[] = []
    const shape = constantValues(document, inputOf(conv, 1))?.shape ?? []
    const place: ChannelPlace = { channels: rowsOf(shape), rank: shape.length }
    let output = conv.output[0] ?? ''
    for (;;) {
      const next = onlyReader(view, output)
      const map = next === undefined ? null : await channelMap(document, view, next, output, place)
      if (next === undefined || map === null) break
      maps.push(map)
      gone.add(next)
      for (const name of next.input) replaced.add(name)
      output = next.output[0] ?? ''
    }
    if (maps.length === 0) continue
    await foldMaps(document, view, conv, maps)
    conv.output = [output]
  }
  graph.node = graph.node.filter((node) => !gone.has(node))
  dropUnread(document, replaced)
}

/** A convolution whose float weight nobody else reads, and whose bias is a constant. */
function isFoldable(document: EditableDocument, view: GraphView, conv: NodeProto): boolean {
  if (conv.opType !== 'Conv' || !isStandard(conv)) return false
  const [weight, bias] = [inputOf(conv, 1), inputOf(conv, 2)]
  const isFloat = (name: string): boolean =>
    view.constant(name)?.dataType === TensorProto_DataType.FLOAT &&
    constantValues(document, name) !== undefined
  const isOwn = view.readers(weight).length === 1 && !view.isPinned(weight)
  return isFloat(weight) && isOwn && (bias === '' || isFloat(bias))
}

function onlyReader(view: GraphView, value: string): NodeProto | undefined {
  const readers = view.readers(value)
  return readers.length === 1 && !view.isPinned(value) ? readers[0] : undefined
}

async function channelMap(
  document: EditableDocument,
  view: GraphView,
  node: NodeProto,
  value: string,
  place: ChannelPlace,
): Promise<ChannelMap | null> {
  if (!isStandard(node) || node.output.length !== 1) return null
  const vector = (name: string): Promise<Float64Array | null> =>
    channelVector(document, view, name, node.opType, place)
  if (node.opType === 'BatchNormalization') return normMap(node, value, vector)
  const other = inputOf(node, 0) === value ? inputOf(node, 1) : inputOf(node, 0)
  const isFirst = inputOf(node, 0) === value
  const constant = await vector(other)
  if (constant === null || other === value) return null
  const ones = new Float64Array(place.channels).fill(1)
  const zeros = new Float64Array(place.channels)
  switch (node.opType) {
    case 'Add':
      return { factor: ones, shift: constant }
    case 'Sub':
      return isFirst
        ? { factor: ones, shift: constant.map((x) => -x) }
        : { factor: ones.map(() => -1), shift: constant }
    case 'Mul':
      return { factor: constant, shift: zeros }
    case 'Div':
      return isFirst ? { factor: constant.map((x) => 1 / x), shift: zeros } : null
    default:
      return null
  }
}

async function normMap(
  node: NodeProto,
  value: string,
  vector: (name: string) => Promise<Float64Array | null>,
): Promise<ChannelMap | null> {
  if (inputOf(node, 0) !== value) return null
  const [gamma, beta, mean, variance] = await Promise.all(
    [1, 2, 3, 4].map((index) => vector(inputOf(node, index))),
  )
  if (!gamma || !beta || !mean || !variance) return null
  const epsilon = floatOf(node, 'epsilon') ?? Math.fround(DEFAULT_EPSILON)
  const factor = gamma.map((g, c) => g / Math.sqrt((variance[c] ?? NaN) + epsilon))
  return { factor, shift: beta.map((b, c) => b - (mean[c] ?? NaN) * (factor[c] ?? NaN)) }
}

/** A constant that is one number, or one a channel: (C) of a norm, (C, 1, 1) or (1, C, 1, 1). */
async function channelVector(
  document: EditableDocument,
  view: GraphView,
  name: string,
  op: string,
  { channels, rank }: ChannelPlace,
): Promise<Float64Array | null> {
  const tensor = view.constant(name)
  if (tensor?.dataType !== TensorProto_DataType.FLOAT) return null
  const dims = tensor.dims.map(Number)
  const count = elementsOf(dims)
  // Sizes are aligned at their ends; a constant of more axes would add axes to the value.
  const axis = op === 'BatchNormalization' ? 0 : 1 - (rank - dims.length)
  const isVector = dims[axis] === channels && count === channels
  const isNumber = count === 1 && op !== 'BatchNormalization'
  if (dims.length > rank || !(isVector || isNumber)) return null
  const values = await readWhole(document, name)
  return Float64Array.from({ length: channels }, (_, c) => values[count === 1 ? 0 : c] ?? NaN)
}

async function foldMaps(
  document: EditableDocument,
  view: GraphView,
  conv: NodeProto,
  maps: readonly ChannelMap[],
): Promise<void> {
  const [, weightName = '', biasName = ''] = conv.input
  const weight = constantValues(document, weightName)
  if (weight === undefined) throw new TypeError(`"${weightName}" is no initializer`)
  const channels = rowsOf(weight.shape)
  const bias = biasName === '' ? new Float32Array(channels) : await readWhole(document, biasName)
  const factor = new Float64Array(channels).fill(1)
  const shift = Float64Array.from(bias)
  for (const map of maps) {
    for (let c = 0; c < channels; c++) {
      const by = map.factor[c] ?? NaN
      factor[c] = (factor[c] ?? NaN) * by
      shift[c] = (shift[c] ?? NaN) * by + (map.shift[c] ?? NaN)
    }
  }
  // Under its own name, which plans and reports know; nobody else reads it.
  removeInitializer(document, weightName)
  addComputed(document, scaledRows(weight, weightName, factor))
  const isOwn =
    biasName !== '' &&
    !view.isPinned(biasName) &&
    document.graph.node.every((node) => node === conv || !node.input.includes(biasName))
  const name = isOwn ? biasName : document.unused(`${weightName}_bias`)
  removeInitializer(document, isOwn ? biasName : '')
  const facts = { name, dtype: 'float32', shape: [channels] } as const
  addSmall(document, facts, bytesOfValues(Float32Array.from(shift)))
  conv.input = [inputOf(conv, 0), weightName, name]
}

function scaledRows(weight: Weight, name: string, factor: Float64Array) {
  const columns = columnsOf(weight.shape)
  return computedTensor(weight, { name, dtype: 'float32' }, (values, start) => {
    const scaled = new Float32Array(values.length)
    for (let at = 0, row = start; at < values.length; row++) {
      const by = factor[row] ?? NaN
      for (const end = at + columns; at < end; at++) scaled[at] = (values[at] ?? 0) * by
    }
    return scaled
  })
}
