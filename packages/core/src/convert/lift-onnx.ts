import { DTYPES } from '../formats/onnx/read-dtype.ts'
import { outputNames } from '../formats/onnx/bodies.ts'
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
import { subgraphsOf } from '../formats/onnx/opset/node-edit.ts'
import { opsetOf } from '../formats/onnx/opset/raise-opset.ts'
import type { StoredFloat } from '../formats/onnx/stored-floats.ts'
import { storedFloats } from '../formats/onnx/stored-floats.ts'
import { orderedWeight } from '../formats/onnx/weight-layout.ts'
import type { Attribute, Dimension, Graph, GraphWeight, Node, Value } from '../graph/graph.ts'
import type { WeightReading } from './onnx-layouts.ts'
import { weightReadings } from './onnx-layouts.ts'

const utf8 = new TextDecoder()

/** A document as decisions see it. */
export type LiftedOnnx = {
  /** Operators of all graphs, and float weights in the common order: output channels first. */
  readonly graph: Graph
  /** What each weight of `graph` is in the document. */
  readonly sources: ReadonlyMap<string, LiftedWeight>
}

/** A float tensor of a document, what it is to its readers, and the operators that weigh with it. */
export type LiftedWeight = StoredFloat &
  WeightReading & { readonly layer: string; readonly uses: readonly Node[] }

/**
 * The meaning of an ONNX document as far as decisions need it: operators, attributes and float
 * weights. What is written is the document itself.
 *
 * @param component - what all its weights belong to; `model` for a single file
 */
export function liftOnnx(document: OnnxDocument, component: string): LiftedOnnx {
  const { graph } = document.model
  if (graph === undefined) throw new TypeError('A document without a graph was read')
  const nodes: Lifting = new Map()
  const ordered = liftNodes(graph, nodes)
  const sources = weightsOf(document, graph, component, nodes)
  const weights = [...sources].map(([key, { layer, weight }]) => {
    return [key, { layer, component, weight } satisfies GraphWeight] as const
  })
  return {
    sources,
    graph: {
      name: component,
      opset: opsetOf(document.model.opsetImport),
      inputs: freeInputs(graph).map(valueOf),
      outputs: graph.output.map(valueOf),
      nodes: ordered,
      weights: new Map(weights),
      constants: new Map(),
    },
  }
}

type Lifting = Map<NodeProto, Node>

/** Nodes in order; those of nested graphs stand before the node that holds them, which reads them. */
function liftNodes(graph: GraphProto, lifted: Lifting): readonly Node[] {
  return graph.node.flatMap((node) => {
    const inner = subgraphsOf(node)
    const nested = inner.flatMap((each) => liftNodes(each, lifted))
    const results = inner.flatMap((each) => each.output.map(({ name }) => name))
    const own = { ...nodeOf(node), inputs: [...node.input, ...results] }
    lifted.set(node, own)
    return [...nested, own]
  })
}

/** Inputs that are no initializers: files before IR 4 list both. */
function freeInputs(graph: GraphProto): readonly ValueInfoProto[] {
  const initializers = new Set(graph.initializer.map(({ name }) => name))
  return graph.input.filter(({ name }) => !initializers.has(name))
}

function weightsOf(
  document: OnnxDocument,
  main: GraphProto,
  component: string,
  nodes: Lifting,
): ReadonlyMap<string, LiftedWeight> {
  const floats = storedFloats(document)
  const ranks = new Map(floats.map(({ name, shape }) => [name, shape.length]))
  const readingOf = weightReadings(outputNames(main), (name) => ranks.get(name))
  const weights = new Map<string, LiftedWeight>()
  for (const float of floats) {
    const reading = withoutBfloat(float, readingOf(float))
    const key = uniqueKey([float.path, float.name].filter((part) => part !== '').join('.'), weights)
    weights.set(key, {
      ...float,
      ...reading,
      layer: `${component}.${key}`,
      weight: orderedWeight(float.weight, reading.order),
      uses: reading.nodes.flatMap((node) => nodes.get(node) ?? []),
    })
  }
  return weights
}

/** No CPU kernel computes in bf16: such weights are carried. */
function withoutBfloat({ dtype }: StoredFloat, reading: WeightReading): WeightReading {
  if (dtype !== 'bfloat16' || reading.whyFloat !== null) return reading
  return {
    ...reading,
    role: 'other',
    order: 'as-stored',
    whyFloat: 'it is bf16, in which ONNX Runtime does not compute on CPUs',
  }
}

function uniqueKey(base: string, taken: ReadonlyMap<string, unknown>): string {
  let key = base
  for (let i = 2; taken.has(key); i++) key = `${base}_${i}`
  return key
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
