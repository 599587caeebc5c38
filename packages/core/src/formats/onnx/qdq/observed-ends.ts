import { clone } from '@bufbuild/protobuf'

import type { Attribute } from '../../../graph/graph.ts'
import type { OnnxDocument } from '../document.ts'
import type { GraphProto, NodeProto } from '../generated/onnx_pb.ts'
import { ModelProtoSchema, TensorProto_DataType } from '../generated/onnx_pb.ts'
import { onnxNode } from '../nodes.ts'
import { constantTensor, int64List, tensorNumbers } from '../opset/constants.ts'
import { inputOf } from '../opset/node-edit.ts'
import { collectNames, newName } from '../opset/names.ts'
import type { GraphView } from './graph-view.ts'
import { graphView, isStandard, mainGraph } from './graph-view.ts'
import { floatOutput } from './observed-model.ts'

/** On which axis a value has its channels: the second of convolutions, the last of matrices. */
export type ChannelAxis = 'second' | 'last'

/** A value to observe, and where it has channels whose means are wanted. */
export type ObservedValue = { readonly name: string; readonly channels: ChannelAxis | null }

/** Places in the vector that a model tells: what it says of one value. */
export type ToldEnds = {
  readonly max: number
  /** Null for a value that is never below 0. */
  readonly min: number | null
  /** Is not finite where a number of the value is not. */
  readonly sum: number
  readonly channels: ToldChannels | null
}

/** Where a model tells the channels of a value. */
export type ToldChannels =
  /** Output with their means over space, shape (batch, channels, 1, ...). */
  | { readonly axis: 'second'; readonly means: string }
  /** Output with their sums, shape (channels), and place of the number of rows. */
  | { readonly axis: 'last'; readonly sums: string; readonly rows: number }

/** A model that tells of its values. */
export type TellingModel = {
  readonly document: OnnxDocument
  /** Output with the vector: float32, shape (1, length). */
  readonly vector: string
  /** In the order of the values; null for an input of the graph, which the caller has. */
  readonly ends: readonly (ToldEnds | null)[]
}

/**
 * A copy of a model that gives, in place of its outputs, what calibration by ends alone wants to
 * know of some float32 values: a few numbers leave the runtime, not the values.
 *
 * Values with axes of space are pooled: ONNX Runtime pools in the layout of its convolutions, where
 * ReduceMax would have the value reordered first. The runtime puts nodes in order backwards from
 * the one that nobody reads, and follows what was added last first. So one Concat reads all
 * observers, which stand from the last value to the first: each runs right after what it observes.
 * Null where all values are inputs of the graph.
 *
 * @param source - at opset 13 or newer
 */
export function withEnds(
  source: OnnxDocument,
  values: readonly ObservedValue[],
): TellingModel | null {
  const model = clone(ModelProtoSchema, source.model)
  const graph = mainGraph(model)
  const view = graphView(graph)
  if (values.every(({ name }) => view.isInput(name))) return null
  const telling = tellingGraph(graph, collectNames([graph, ...model.functions]))
  const ends = values
    .toReversed()
    .map((value) => (view.isInput(value.name) ? null : endsOf(value, view, telling)))
    .toReversed()
  return { document: { ...source, model }, vector: telling.finish(), ends }
}

type Attributes = Readonly<Record<string, Attribute>>

/** A graph to which observers are added. */
type TellingGraph = {
  /** Adds a node and gives the name of its output. */
  readonly add: (op: string, inputs: readonly string[], attributes?: Attributes) => string
  /** Puts float32 numbers, shape (1, length), into the vector; gives the place of the first. */
  readonly tell: (numbers: string, length: number) => number
  /** Makes a value an output. */
  readonly give: (value: string) => string
  /** The constant [0]. */
  readonly firstAxis: string
  /** Adds the vector; gives its name. */
  readonly finish: () => string
}

function tellingGraph(graph: GraphProto, names: Set<string>): TellingGraph {
  const told: string[] = []
  let toldLength = 0
  const firstAxis = newName('observed_axis', names)
  graph.initializer.push(constantTensor(firstAxis, int64List([0])))
  graph.output = []
  const add: TellingGraph['add'] = (op, inputs, attributes = {}) => {
    const name = newName(`observed_${op}_${graph.node.length}`, names)
    graph.node.push(onnxNode({ op, name, inputs, outputs: [name], attributes }))
    return name
  }
  const give = (value: string): string => {
    graph.output.push(floatOutput(value))
    return value
  }
  const tell = (numbers: string, length: number): number => {
    told.push(numbers)
    toldLength += length
    return toldLength - length
  }
  return { add, tell, give, firstAxis, finish: () => give(add('Concat', told, { axis: int(1) })) }
}

function endsOf({ name, channels }: ObservedValue, view: GraphView, graph: TellingGraph): ToldEnds {
  const { add, tell } = graph
  const rowOf = (value: string): string => add('Flatten', [value], { axis: int(0) })
  const told = (op: string, row: string): number => tell(add(op, [row]), 1)
  const hasMin = !isNeverNegative(view, name)
  const isPooled = !hasMin && channels !== 'last' && hasSpace(view, name)
  const row = isPooled ? '' : rowOf(name)
  const max = told('ReduceMax', isPooled ? rowOf(add('GlobalMaxPool', [name])) : row)
  const min = hasMin ? told('ReduceMin', row) : null
  if (channels === 'last') {
    const known = rowSums(name, graph)
    return { max, min, sum: told('ReduceSum', rowOf(known.sums)), channels: known }
  }
  if (!isPooled && channels === null) return { max, min, sum: told('ReduceSum', row), channels }
  const means = add('GlobalAveragePool', [name])
  const sum = told('ReduceSum', rowOf(means))
  return { max, min, sum, channels: channels && { axis: channels, means: graph.give(means) } }
}

/** The sums of the columns of a value, its last axis being columns and all others rows. */
function rowSums(value: string, { add, tell, give, firstAxis }: TellingGraph) {
  const matrix = add('Flatten', [value], { axis: int(-1) })
  const sums = give(add('ReduceSum', [matrix, firstAxis], { keepdims: int(0) }))
  const shape = add('Cast', [add('Shape', [matrix])], { to: int(TensorProto_DataType.FLOAT) })
  const rows = tell(add('Flatten', [shape], { axis: int(0) }), 2)
  return { axis: 'last', sums, rows } as const
}

function int(value: number): Attribute {
  return { kind: 'int', value }
}

/** Operators whose first input and whose output have a batch, channels, and axes of space. */
const SPATIAL_OPERATORS: ReadonlySet<string> = new Set([
  'Conv',
  'ConvTranspose',
  'MaxPool',
  'AveragePool',
  'GlobalMaxPool',
  'GlobalAveragePool',
])

/** Operators that change each number by itself. */
const ELEMENTWISE_OPERATORS: ReadonlySet<string> = new Set(['Relu', 'Clip', 'LeakyRelu', 'Sigmoid'])

/** Operators that give only numbers, or means of numbers, that they were given. */
const MOVING_OPERATORS: ReadonlySet<string> = new Set([
  'MaxPool',
  'AveragePool',
  'GlobalMaxPool',
  'GlobalAveragePool',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'DepthToSpace',
  'Split',
])

/** How many operators backwards a fact about a value is looked for. */
const LONGEST_SEARCH = 16

function hasSpace(view: GraphView, value: string): boolean {
  let name = value
  for (let step = 0; step < LONGEST_SEARCH; step++) {
    const isRead = view
      .readers(name)
      .some((node) => isOneOf(SPATIAL_OPERATORS, node) && inputOf(node, 0) === name)
    const maker = view.producer(name)
    if (isRead || isOneOf(SPATIAL_OPERATORS, maker)) return true
    if (maker === undefined || !isOneOf(ELEMENTWISE_OPERATORS, maker)) return false
    name = inputOf(maker, 0)
  }
  return false
}

function isOneOf(operators: ReadonlySet<string>, node: NodeProto | undefined): boolean {
  return node !== undefined && isStandard(node) && operators.has(node.opType)
}

/** Whether a value comes from Relu, or from Clip at 0 or more. */
function isNeverNegative(view: GraphView, value: string): boolean {
  let maker = view.producer(value)
  for (let step = 0; step < LONGEST_SEARCH; step++) {
    if (maker === undefined || !isStandard(maker)) return false
    if (maker.opType === 'Relu') return true
    if (maker.opType === 'Clip') {
      const low = view.constant(inputOf(maker, 1))
      return low !== undefined && (tensorNumbers(low)?.[0] ?? -1) >= 0
    }
    if (!MOVING_OPERATORS.has(maker.opType)) return false
    maker = view.producer(inputOf(maker, 0))
  }
  return false
}
