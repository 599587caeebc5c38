import { create } from '@bufbuild/protobuf'

import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
  type NodeProto,
} from '../generated/onnx_pb.ts'
import { int64List } from './constants.ts'
import { attributeOf, editNode, labelOf } from './node-edit.ts'
import type { Scope } from './scope.ts'

/** What a rule gives: the nodes that stand in the old one's place, or why it cannot. */
export type Rewrite = { readonly nodes: readonly NodeProto[] } | { readonly blocked: string }

/** Takes a node of the operator set before to one operator set. */
export type Rule = (node: NodeProto, scope: Scope) => Rewrite

/** Rules by operator, then by the operator set that they lead to. */
export type RuleTable = Readonly<Record<string, Readonly<Record<number, Rule>>>>

export function one(node: NodeProto): Rewrite {
  return { nodes: [node] }
}

export function blocked(reason: string): Rewrite {
  return { blocked: reason }
}

/** Removes attributes that said nothing about the result. */
export function dropAttributes(...names: readonly string[]): Rule {
  return (node) =>
    one(
      node.attribute.some(({ name }) => names.includes(name))
        ? editNode(node, { attributes: Object.fromEntries(names.map((name) => [name, undefined])) })
        : node,
    )
}

/**
 * The name of an int64 list that holds what an attribute held; '' when the node does not have the
 * attribute. In a function the attribute may be one of the function's own.
 */
export function listInput(node: NodeProto, attribute: string, scope: Scope): string {
  const found = attributeOf(node, attribute)
  if (found === undefined) return ''
  const base = `${labelOf(node)}_${attribute}`
  if (found.refAttrName === '') return scope.constant(base, int64List(found.ints))
  const name = scope.newName(base)
  scope.before(
    create(NodeProtoSchema, {
      opType: 'Constant',
      name,
      output: [name],
      attribute: [
        create(AttributeProtoSchema, {
          name: 'value_ints',
          type: AttributeProto_AttributeType.INTS,
          refAttrName: found.refAttrName,
        }),
      ],
    }),
  )
  return name
}

/**
 * The node with only its first `count` outputs, when nothing reads the others; `undefined` when
 * something does.
 */
export function keepOutputs(node: NodeProto, count: number, scope: Scope): NodeProto | undefined {
  const others = node.output.slice(count).filter((name) => name !== '')
  if (others.some(scope.isRead)) return undefined
  return node.output.length <= count
    ? node
    : editNode(node, { outputs: node.output.slice(0, count) })
}
