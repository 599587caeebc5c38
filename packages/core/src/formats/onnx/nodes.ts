import { create } from '@bufbuild/protobuf'

import type { Attribute } from '../../graph/graph.ts'
import type { AttributeProto, NodeProto } from './generated/onnx_pb.ts'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
} from './generated/onnx_pb.ts'

const utf8 = new TextEncoder()

/** What a new node says; domain '' is ai.onnx. */
export type NodeFacts = {
  readonly op: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly domain?: string
  readonly attributes?: Readonly<Record<string, Attribute>>
}

/** Makes a NodeProto. */
export function onnxNode(facts: NodeFacts): NodeProto {
  return create(NodeProtoSchema, {
    opType: facts.op,
    name: facts.name,
    input: [...facts.inputs],
    output: [...facts.outputs],
    ...(facts.domain === undefined || facts.domain === '' ? {} : { domain: facts.domain }),
    attribute: Object.entries(facts.attributes ?? {}).map(([name, value]) =>
      onnxAttribute(name, value),
    ),
  })
}

/** Makes an AttributeProto. */
export function onnxAttribute(name: string, attribute: Attribute): AttributeProto {
  switch (attribute.kind) {
    case 'int':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INT,
        i: BigInt(attribute.value),
      })
    case 'float':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.FLOAT,
        f: attribute.value,
      })
    case 'string':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.STRING,
        s: utf8.encode(attribute.value),
      })
    case 'ints':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INTS,
        ints: attribute.value.map(BigInt),
      })
    case 'floats':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.FLOATS,
        floats: [...attribute.value],
      })
  }
}
