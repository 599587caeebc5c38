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
import type { WeightLayout } from '../formats/onnx/weight-layout.ts'
import { orderedWeight } from '../formats/onnx/weight-layout.ts'
import type { Attribute, Dimension, Graph, GraphWeight, Node, Value } from '../graph/graph.ts'
import type { Weight } from '../tensor/weight.ts'
import { weightLayouts } from './onnx-layouts.ts'

const utf8 = new TextDecoder()

/** A document as decisions see it. */
export type LiftedOnnx = {
  /** Weights in the common order: output channels first. What is written is the document. */
  readonly graph: Graph
  /** How each weight lies in the document; what is not here keeps its values. */
  readonly layouts: ReadonlyMap<string, WeightLayout>
}

/**
 * The meaning of an ONNX document as far as decisions need it: operators, attributes and float
 * weights, these in the common order with the Transpose that then stands before their operator.
 *
 * @param component - what all its weights belong to; `model` for a single file
 */
export function liftOnnx(document: OnnxDocument, component: string): LiftedOnnx {
  const graph = document.model.graph
  if (graph === undefined) throw new TypeError('A document without a graph was read')
  const opset = document.model.opsetImport.find(
    ({ domain }) => domain === '' || domain === 'ai.onnx',
  )
  const layouts = weightLayouts(graph)
  return {
    layouts,
    graph: {
      name: component,
      opset: Number(opset?.version ?? 0n),
      inputs: freeInputs(graph).map(valueOf),
      outputs: graph.output.map(valueOf),
      nodes: graph.node.flatMap((node) => orderedNodes(node, layouts)),
      weights: weightsOf(document, graph, component, layouts),
      constants: new Map(),
    },
  }
}

/** A node with what stands before it when its weight is in the common order. */
function orderedNodes(
  node: NodeProto,
  layouts: ReadonlyMap<string, WeightLayout>,
): readonly Node[] {
  const lifted = nodeOf(node)
  const nested = subgraphs(node).flatMap(nodesOf)
  const [, weight = ''] = node.input
  const layout = layouts.get(weight)
  if (layout === 'matmul' || layout === 'gemm' || layout === 'gemm-inputs-first') {
    const [x = '', , bias] = node.input
    const ordered = `${weight}_ordered`
    return [
      { ...lifted, op: 'Transpose', inputs: [weight], outputs: [ordered], attributes: {} },
      { ...lifted, op: 'MatMul', inputs: [x, ordered], attributes: {} },
      ...(bias === undefined
        ? []
        : [{ ...lifted, op: 'Add', inputs: [...lifted.outputs, bias], attributes: {} }]),
    ]
  }
  return [lifted, ...nested]
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
  layouts: ReadonlyMap<string, WeightLayout>,
): ReadonlyMap<string, GraphWeight> {
  const weights = new Map<string, GraphWeight>()
  for (const tensor of graph.initializer) {
    const dtype = DTYPES.get(tensor.dataType)
    if (dtype !== 'float32' && dtype !== 'float16' && dtype !== 'bfloat16') continue
    const stored = document.weights.get(tensor.name) ?? inlineWeight(tensor, dtype)
    const weight = orderedWeight(stored, layouts.get(tensor.name) ?? 'as-stored')
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
