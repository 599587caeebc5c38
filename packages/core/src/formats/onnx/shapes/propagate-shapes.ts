import type { GraphProto, NodeProto, TypeProto, ValueInfoProto } from '../generated/onnx_pb.ts'
import { tensorNumbers } from '../opset/constants.ts'
import { attributeOf } from '../opset/node-edit.ts'
import { constantTensor } from '../stored-floats.ts'
import { outputValues } from './integer-values.ts'
import type { Shape, ShapeCall } from './shape-call.ts'
import { outputShapes } from './shape-rules.ts'

/** What is known of the values of a graph and of those around it. */
export type KnownShapes = {
  readonly shape: (name: string) => Shape | undefined
  readonly values: (name: string) => Shape | undefined
}

/** A graph's node with what is known of its inputs and outputs. */
export type ShapedNode = ShapeCall & {
  readonly output: (at: number) => Shape | undefined
  /** What is known inside its nested graphs. */
  readonly known: KnownShapes
}

const NOTHING: KnownShapes = { shape: () => undefined, values: () => undefined }

/**
 * Walks a graph from first to last node and tells each node's shapes. An input's first size counts as
 * 1 when it only has a name: a batch. What rules do not know is taken from the file's own value_info.
 */
export function* shapedNodes(
  graph: GraphProto,
  outer: KnownShapes = NOTHING,
): Generator<ShapedNode> {
  const batch = batchName(graph)
  const shapes = new Map<string, Shape>()
  const values = new Map<string, Shape>()
  const declared = new Map(
    [...graph.valueInfo, ...graph.output].map((info) => [info.name, info] as const),
  )
  for (const info of graph.input)
    setKnown(shapes, info.name, declaredShape(info.type, batch, 'input'))
  for (const tensor of graph.initializer) {
    shapes.set(tensor.name, tensor.dims.map(Number))
    setKnown(values, tensor.name, tensorNumbers(tensor))
  }
  const known: KnownShapes = {
    shape: (name) => shapes.get(name) ?? outer.shape(name),
    values: (name) => values.get(name) ?? outer.values(name),
  }
  for (const node of graph.node) {
    const call: ShapeCall = {
      node,
      shape: (at) => known.shape(node.input[at] ?? ''),
      values: (at) => known.values(node.input[at] ?? ''),
    }
    const found = shapesOf(call, known)
    for (const [at, name] of node.output.entries()) {
      const shape = found[at] ?? declaredShape(declared.get(name)?.type, batch, 'inner')
      setKnown(shapes, name, shape)
    }
    const [first = ''] = node.output
    setKnown(values, first, constantValues(node) ?? outputValues(call))
    yield { ...call, output: (at) => shapes.get(node.output[at] ?? ''), known }
  }
}

function shapesOf(call: ShapeCall, known: KnownShapes): readonly (Shape | undefined)[] {
  const tensor = constantTensor(call.node)
  if (tensor !== undefined) return [tensor.dims.map(Number)]
  const branch = call.node.opType === 'If' ? attributeOf(call.node, 'then_branch')?.g : undefined
  return branch === undefined ? outputShapes(call) : branchShapes(branch, known)
}

/** The outputs of a branch: both branches of a sound If give the same. */
function branchShapes(branch: GraphProto, known: KnownShapes): readonly (Shape | undefined)[] {
  const shapes = new Map<string, Shape>()
  for (const node of shapedNodes(branch, known)) {
    for (const [at, name] of node.node.output.entries()) setKnown(shapes, name, node.output(at))
  }
  return branch.output.map(({ name }) => shapes.get(name))
}

function setKnown(map: Map<string, Shape>, name: string, shape: Shape | undefined): void {
  if (name !== '' && shape !== undefined) map.set(name, shape)
}

function constantValues(node: NodeProto): Shape | undefined {
  const tensor = constantTensor(node)
  if (tensor !== undefined) return tensorNumbers(tensor)
  if (node.opType !== 'Constant') return undefined
  const [attribute] = node.attribute
  if (attribute?.name === 'value_ints') return attribute.ints.map(Number)
  return attribute?.name === 'value_int' ? [Number(attribute.i)] : undefined
}

/** The name that the first input has for its first size. */
function batchName(graph: GraphProto): string | undefined {
  const initializers = new Set(graph.initializer.map(({ name }) => name))
  const input = graph.input.find(({ name }) => !initializers.has(name))
  const first = tensorDims(input)?.[0]?.value
  return first?.case === 'dimParam' ? first.value : undefined
}

function tensorDims(info: ValueInfoProto | undefined) {
  const type = info?.type?.value
  return type?.case === 'tensorType' ? type.value.shape?.dim : undefined
}

function declaredShape(
  type: TypeProto | undefined,
  batch: string | undefined,
  place: 'input' | 'inner',
): Shape | undefined {
  const dims = type?.value.case === 'tensorType' ? type.value.value.shape?.dim : undefined
  return dims?.map(({ value }, axis) => {
    if (value.case === 'dimValue' && value.value >= 0n) return Number(value.value)
    const isBatch = value.case === 'dimParam' && value.value === batch && value.value !== ''
    return isBatch || (place === 'input' && axis === 0) ? 1 : null
  })
}
