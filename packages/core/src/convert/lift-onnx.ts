import { DTYPES } from '../formats/onnx/read-dtype.ts'
import { ONNX_DATA_TYPE } from '../formats/onnx/data-types.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import type {
  AttributeProto,
  GraphProto,
  NodeProto,
  TypeProto,
  ValueInfoProto,
} from '../formats/onnx/generated/onnx_pb.ts'
import { AttributeProto_AttributeType } from '../formats/onnx/generated/onnx_pb.ts'
import { memoryTensor } from '../formats/onnx/stored-tensor.ts'
import type { Attribute, Dimension, Graph, GraphWeight, Node, Value } from '../graph/graph.ts'
import type { Weight } from '../tensor/weight.ts'

const utf8 = new TextDecoder()

/** What a lifted document says of itself. */
export type LiftOptions = {
  /** The component that all weights belong to; `model` for a single file. */
  readonly component: string
}

/**
 * The meaning of an ONNX document as far as decisions need it: operators, attributes and float
 * weights. The document itself stays what is written; nothing is lost here that it does not hold.
 *
 * Nodes of subgraphs follow their node. A weight that a subgraph reads under its own name is a use
 * like any other, so that nobody takes a shared weight for a private one.
 */
export function liftOnnx(document: OnnxDocument, { component }: LiftOptions): Graph {
  const graph = document.model.graph
  if (graph === undefined) throw new TypeError('A document without a graph was read')
  const opset = document.model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')
  return {
    name: component,
    opset: Number(opset?.version ?? 0n),
    inputs: freeInputs(graph).map(valueOf),
    outputs: graph.output.map(valueOf),
    nodes: nodesOf(graph),
    weights: weightsOf(document, graph, component),
    constants: new Map(),
  }
}

/** Inputs that are no initializers: files before IR 4 list both. */
function freeInputs(graph: GraphProto): readonly ValueInfoProto[] {
  const initializers = new Set(graph.initializer.map(({ name }) => name))
  return graph.input.filter(({ name }) => !initializers.has(name))
}

function weightsOf(
  document: OnnxDocument,
  graph: GraphProto,
  component: string,
): ReadonlyMap<string, GraphWeight> {
  const weights = new Map<string, GraphWeight>()
  for (const tensor of graph.initializer) {
    const dtype = DTYPES.get(tensor.dataType)
    if (dtype !== 'float32' && dtype !== 'float16' && dtype !== 'bfloat16') continue
    const weight = document.weights.get(tensor.name) ?? inlineWeight(tensor, dtype)
    weights.set(tensor.name, { layer: `${component}.${tensor.name}`, component, weight })
  }
  return weights
}

function inlineWeight(
  tensor: GraphProto['initializer'][number],
  dtype: 'float32' | 'float16' | 'bfloat16',
): Weight {
  const shape = tensor.dims.map(Number)
  const bytes =
    tensor.floatData.length > 0
      ? new Uint8Array(Float32Array.from(tensor.floatData).buffer)
      : tensor.int32Data.length > 0
        ? new Uint8Array(Uint16Array.from(tensor.int32Data).buffer)
        : tensor.rawData
  return memoryTensor({ name: tensor.name, dtype, shape }, bytes)
}

function nodesOf(graph: GraphProto): readonly Node[] {
  return graph.node.flatMap((node) => [nodeOf(node), ...subgraphs(node).flatMap(nodesOf)])
}

function subgraphs(node: NodeProto): readonly GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]))
}

function nodeOf(node: NodeProto): Node {
  return {
    name: node.name,
    op: node.opType,
    domain: node.domain === 'ai.onnx' ? '' : node.domain,
    inputs: node.input,
    outputs: node.output,
    attributes: Object.fromEntries(
      node.attribute.flatMap((attribute) => {
        const value = attributeOf(attribute)
        return value === undefined ? [] : [[attribute.name, value] as const]
      }),
    ),
  }
}

/** Attributes of the kinds that decisions look at; tensors and graphs are left to the document. */
function attributeOf(attribute: AttributeProto): Attribute | undefined {
  switch (attribute.type) {
    case AttributeProto_AttributeType.INT:
      return { kind: 'int', value: Number(attribute.i) }
    case AttributeProto_AttributeType.FLOAT:
      return { kind: 'float', value: attribute.f }
    case AttributeProto_AttributeType.STRING:
      return { kind: 'string', value: utf8.decode(attribute.s) }
    case AttributeProto_AttributeType.INTS:
      return { kind: 'ints', value: attribute.ints.map(Number) }
    case AttributeProto_AttributeType.FLOATS:
      return { kind: 'floats', value: attribute.floats }
    default:
      return undefined
  }
}

function valueOf(info: ValueInfoProto): Value {
  const tensor = tensorType(info.type)
  const dtype = DTYPES.get(tensor?.elemType ?? ONNX_DATA_TYPE.float32) ?? 'float32'
  const dims = tensor?.shape?.dim ?? []
  return { name: info.name, dtype, shape: dims.map((dim, axis) => dimensionOf(dim, axis)) }
}

function tensorType(type: TypeProto | undefined) {
  return type?.value.case === 'tensorType' ? type.value.value : undefined
}

type ShapeDimension = NonNullable<
  NonNullable<ReturnType<typeof tensorType>>['shape']
>['dim'][number]

function dimensionOf(dimension: ShapeDimension, axis: number): Dimension {
  switch (dimension.value.case) {
    case 'dimValue':
      return Number(dimension.value.value)
    case 'dimParam':
      return dimension.value.value
    case undefined:
      return `unknown_${axis}`
  }
}
