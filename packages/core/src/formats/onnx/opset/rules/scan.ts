import { create } from '@bufbuild/protobuf'

import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TypeProto,
  type ValueInfoProto,
} from '../../generated/onnx_pb.ts'
import { onnxAttribute, onnxNode } from '../../nodes.ts'
import { attributeOf, editNode, inputOf, intOf, labelOf, renamed } from '../node-edit.ts'
import { blocked, type Rule, type RuleTable } from '../rule.ts'
import type { Scope } from '../scope.ts'

/**
 * Set 8 scans axis 1 for every item of a batch on axis 0; set 9 knows no batch. A Scan over the batch
 * whose body is the Scan over the sequence does the same: states and sequences of one item go in,
 * its last states and its outputs are stacked again.
 */
const scanWithoutBatch: Rule = (node, scope) => {
  const body = attributeOf(node, 'body')?.g
  const scans = intOf(node, 'num_scan_inputs') ?? 0
  const states = node.input.length - 1 - scans
  if (inputOf(node, 0) !== '') return blocked('its sequences have lengths of their own')
  if (body === undefined || scans < 1 || states < 0 || states > body.output.length)
    return blocked('it has no body, or too few inputs')
  const graph = itemGraph(node, body, states, scope)
  const outer = editNode(node, { inputs: node.input.slice(1) })
  outer.attribute = [
    graphAttribute(graph),
    onnxAttribute('num_scan_inputs', { kind: 'int', value: states + scans }),
  ]
  return { nodes: [outer] }
}

/** The graph that runs the scan of one item. */
function itemGraph(node: NodeProto, body: GraphProto, states: number, scope: Scope): GraphProto {
  const label = labelOf(node)
  const inputs = body.input.map(({ name, type }, i) =>
    valueInfo(scope.newName(`${label}_item_${name}`), i < states ? type : sequenceOf(type)),
  )
  const outputs = body.output.map(({ name, type }, i) =>
    valueInfo(scope.newName(`${label}_item_${name}`), i < states ? type : sequenceOf(type)),
  )
  const directions = attributeOf(node, 'directions')
  const scan = onnxNode({
    op: 'Scan',
    name: scope.newName(`${label}_item`),
    inputs: inputs.map(({ name }) => name),
    outputs: outputs.map(({ name }) => name),
    attributes: {
      num_scan_inputs: { kind: 'int', value: inputs.length - states },
    },
  })
  scan.attribute.push(graphAttribute(body))
  if (directions !== undefined) scan.attribute.push(renamed(directions, 'scan_input_directions'))
  return create(GraphProtoSchema, {
    name: scope.newName(`${label}_item_body`),
    node: [scan],
    input: inputs,
    output: outputs,
  })
}

function valueInfo(name: string, type: TypeProto | undefined): ValueInfoProto {
  const info = create(ValueInfoProtoSchema, { name })
  if (type !== undefined) info.type = type
  return info
}

/** The type of a stack of such tensors, without a shape. */
function sequenceOf(type: TypeProto | undefined): TypeProto | undefined {
  if (type?.value.case !== 'tensorType') return undefined
  const { elemType } = type.value.value
  return create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType } } })
}

function graphAttribute(g: GraphProto): AttributeProto {
  return create(AttributeProtoSchema, {
    name: 'body',
    type: AttributeProto_AttributeType.GRAPH,
    g,
  })
}

/** Scan. */
export const SCAN_RULES: RuleTable = { Scan: { 9: scanWithoutBatch } }
