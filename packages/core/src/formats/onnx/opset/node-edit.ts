import { create } from '@bufbuild/protobuf'

import type { Attribute } from '../../../graph/graph.ts'
import {
  AttributeProtoSchema,
  NodeProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
} from '../generated/onnx_pb.ts'
import { onnxAttribute } from '../nodes.ts'

const utf8 = new TextDecoder()

/** What a copy of a node says differently; what is not named stays. */
export type NodeEdit = {
  readonly op?: string
  readonly name?: string
  readonly inputs?: readonly string[]
  readonly outputs?: readonly string[]
  /** Attributes to add or replace; `undefined` removes one. */
  readonly attributes?: Readonly<Record<string, Attribute | undefined>>
}

/** A changed copy of a node; name, documentation, metadata and unknown fields come along. */
export function editNode(node: NodeProto, edit: NodeEdit): NodeProto {
  const copy = Object.assign(create(NodeProtoSchema), node)
  if (edit.op !== undefined) copy.opType = edit.op
  if (edit.name !== undefined) copy.name = edit.name
  if (edit.inputs !== undefined) copy.input = withoutTrailingEmpty(edit.inputs)
  if (edit.outputs !== undefined) copy.output = [...edit.outputs]
  if (edit.attributes !== undefined) {
    const { attributes } = edit
    copy.attribute = [
      ...node.attribute.filter(({ name }) => !Object.hasOwn(attributes, name)),
      ...Object.entries(attributes).flatMap(([name, value]) =>
        value === undefined ? [] : [onnxAttribute(name, value)],
      ),
    ]
  }
  return copy
}

/** A name for people: the node's own, else its first output. */
export function labelOf(node: NodeProto): string {
  return node.name !== '' ? node.name : (node.output.find((name) => name !== '') ?? '')
}

export function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name)
}

/** An integer attribute; one beyond 2^53, which no sound model has, becomes the nearest below. */
export function intOf(node: NodeProto, name: string): number | undefined {
  const attribute = attributeOf(node, name)
  if (attribute === undefined) return undefined
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(attribute.i)))
}

/** A copy of an attribute by another name. */
export function renamed(attribute: AttributeProto, name: string): AttributeProto {
  return Object.assign(create(AttributeProtoSchema), attribute, { name })
}

export function floatOf(node: NodeProto, name: string): number | undefined {
  const attribute = attributeOf(node, name)
  return attribute === undefined ? undefined : Math.fround(attribute.f)
}

export function stringOf(node: NodeProto, name: string): string | undefined {
  const attribute = attributeOf(node, name)
  return attribute === undefined ? undefined : utf8.decode(attribute.s)
}

/** The value that an input names; '' when it is left out. */
export function inputOf(node: NodeProto, index: number): string {
  return node.input[index] ?? ''
}

/** The graphs inside a node: bodies of If, Loop, Scan and of operators we do not know. */
export function subgraphsOf(node: NodeProto): readonly GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]))
}

function withoutTrailingEmpty(names: readonly string[]): string[] {
  const last = names.findLastIndex((name) => name !== '')
  return names.slice(0, last + 1)
}
